/** Something about settings that a person should know. Names settings and variables, never their values. */
export interface SettingProblem {
  /** An error must be mended before anything runs; a warning says what was done instead. */
  readonly level: 'warning' | 'error';
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}
