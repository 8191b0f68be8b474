/** The records of identity as they are stored. Fields that came later are optional: rows from before lack them. */
import type { AccessRule } from '../http/port.ts';

/** What Keystone keeps for a client and does not understand, e.g. a user's `email`. */
export type Extra = Readonly<Record<string, unknown>>;
/** Resource options, e.g. `immutable`, `lock_password`. */
export type Options = Readonly<Record<string, unknown>>;

export interface DomainRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly tags?: readonly string[];
  readonly options?: Options;
  readonly extra: Extra;
}

export interface ProjectRow extends DomainRow {
  readonly domainId: string;
  /** The domain's id for a project at the top. */
  readonly parentId: string;
  readonly tags: readonly string[];
  /** A domain seen as a project; never stored. Its domain and parent are itself. */
  readonly isDomain?: true;
}

export interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly domainId: string;
  readonly enabled: boolean;
  readonly defaultProjectId: string | null;
  /** argon2id, PHC text. null: nobody can log in with a password. */
  readonly password: string | null;
  /** When it was set, wall clock. Rules about its age do not hold for one that has none. */
  readonly passwordAtMs?: number;
  /** An admin chose it: it is good for changing it only. */
  readonly mustChangePassword?: boolean;
  /** Former ones, newest first, as many as the history rule asks for. */
  readonly formerPasswords: readonly string[];
  /** Raised to end all tokens issued before. */
  readonly generation: number;
  readonly options?: Options;
  readonly extra: Extra;
}

export interface GroupRow {
  readonly id: string;
  readonly name: string;
  readonly domainId: string;
  readonly description: string;
  readonly extra: Extra;
}

export interface RoleRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  /** A role of one domain: it is in no token, only what it implies is. Absent: for all. */
  readonly domainId?: string;
  readonly options?: Options;
  readonly extra: Extra;
}

export interface ApplicationCredentialRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly userId: string;
  readonly projectId: string;
  /** Role ids. Those of them that the user still has are the token's. */
  readonly roleIds: readonly string[];
  /** See secret.ts. */
  readonly secret: string;
  /** null: never. */
  readonly expiresAtMs: number | null;
  /** May it make and delete credentials? */
  readonly unrestricted: boolean;
  readonly accessRules?: readonly (AccessRule & { readonly id: string })[];
  /** Present: it is an OAuth access token of this consumer, and `secret` is that secret itself (see oauth.ts). */
  readonly consumerId?: string;
}

/** What `/v3/credentials` keeps. Only the types `ec2` and `totp` have a meaning here. */
export interface CredentialRow {
  readonly id: string;
  readonly type: string;
  /** For `ec2` a JSON object with `access` and `secret`, for `totp` a base32 secret. */
  readonly blob: string;
  readonly userId: string;
  readonly projectId: string | null;
  readonly extra: Extra;
}
