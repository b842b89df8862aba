/** Files that a build may read and that stay in no layer. */
export interface BuildSecrets {
  /** Settings of npm. */
  readonly npmrc: string;
  /** Certificate authorities that npm trusts; undefined: those of Node. */
  readonly ca: string | undefined;
}

export interface BuildOrder {
  /** Folder that the Dockerfile sees, and paths of the Dockerfile and its ignore file in it. */
  readonly context: string;
  readonly dockerfile: string;
  readonly tag: string;
  readonly args: Readonly<Record<string, string>>;
  readonly secrets: BuildSecrets;
  /** Epoch seconds for everything in it: no two builds of one commit differ by their times. */
  readonly timestamp: number;
  /** Whether bases are looked for on this machine only. */
  readonly neverPull: boolean;
}

/** A program that builds Dockerfiles. */
export interface Engine {
  readonly name: string;
  build(order: BuildOrder): Promise<void>;
  /** Makes an image of an archive (docker-archive) known under the name in it. */
  load(archive: string): Promise<void>;
  /** Writes an image as an archive (docker-archive). */
  save(tag: string, archive: string): Promise<void>;
}
