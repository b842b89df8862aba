/** A right that the agent uses, as a rule of a Role writes it. */
export interface Permission<Need extends string = 'required' | 'optional'> {
  /** '' for the core group. */
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly verb: string;
  /** What it is for, as the end of the sentence "without it …". */
  readonly without: string;
  /** `required`: nothing works without it. `optional`: something is poorer without it. */
  readonly need: Need;
}

/** `create jobs.batch`, `get pods/log`. */
export function describePermission({
  verb,
  group,
  resource,
  subresource,
}: Pick<Permission, 'verb' | 'group' | 'resource' | 'subresource'>): string {
  const object = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${object}${group === '' ? '' : `.${group}`}`;
}
