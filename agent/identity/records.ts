/** The records of identity as they are stored. */

/** What Keystone keeps for a client and does not understand, e.g. a user's `email`. */
export type Extra = Readonly<Record<string, unknown>>;

export interface DomainRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly extra: Extra;
}

export interface ProjectRow extends DomainRow {
  readonly domainId: string;
  /** The domain's id for a project at the top. */
  readonly parentId: string;
  readonly tags: readonly string[];
}

export interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly domainId: string;
  readonly enabled: boolean;
  readonly defaultProjectId: string | null;
  /** argon2id, PHC text. null: nobody can log in with a password. */
  readonly password: string | null;
  /** Former ones, newest first, as many as `passwordHistory` asks for. */
  readonly formerPasswords: readonly string[];
  /** Raised to end all tokens issued before. */
  readonly generation: number;
  readonly extra: Extra;
}

export interface RoleRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly extra: Extra;
}
