import type { LogNaming } from './access-log/log-name.ts';
import type { AclGrant } from './acl-grant.ts';
import type { EventRule } from './events/event-rule.ts';
import type { LockMode } from './lock.ts';
import type { Metadata } from './metadata.ts';
import type { Website } from './website.ts';

/** Whose are objects that others store here, and do access lists count at all? */
export const ownerships = ['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'] as const;
export type Ownership = (typeof ownerships)[number];

/** What no access list and no policy may open to the public. */
export interface PublicAccess {
  /** Refuse public access lists ... */
  readonly blockAcls: boolean;
  /** ... and let those that stand count for nothing, Swift's `.r:` included. */
  readonly ignoreAcls: boolean;
  /** Refuse public policies ... */
  readonly blockPolicy: boolean;
  /** ... and let one that stands count for callers of the bucket's own project alone. */
  readonly restrictPolicy: boolean;
}

/** Which pages of other sites may use a bucket from a browser. */
export interface CorsRule {
  readonly id?: string | undefined;
  /** With at most one `*` each, as are the headers that may be sent. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  /** That a page may see. */
  readonly exposed: readonly string[];
  /** For how long a browser may remember. */
  readonly maxAgeSeconds?: number | undefined;
}

/** What S3 keeps with a bucket and Swift has no word for. It lives in the container's register, changed as a whole. */
export interface BucketSettings {
  /** Where its maker wished it to be. There is one place; clients want to hear their own word again. */
  readonly location?: string;
  readonly tags?: Metadata | undefined;
  /** Object lock is on, for good; new versions are kept so unless they say otherwise. */
  readonly lock?: { readonly retention?: DefaultRetention | undefined } | undefined;
  /** Beside the lists of the container. */
  readonly grants?: readonly AclGrant[] | undefined;
  /** They say what is granted to the owner as well, who may do all with or without. Absent: FULL_CONTROL. */
  readonly grantsAreAll?: true | undefined;
  readonly ownership?: Ownership | undefined;
  readonly publicAccess?: PublicAccess | undefined;
  /** JSON, as it was put. */
  readonly policy?: string | undefined;
  readonly website?: Website | undefined;
  /** Rules of its lifecycle take objects away: readers are told when. */
  readonly hasExpiry?: true | undefined;
  /** Who is told of changes of its objects. */
  readonly events?: readonly EventRule[] | undefined;
  /** Where a log of requests to it goes. */
  readonly logging?: AccessLogging | undefined;
  readonly cors?: readonly CorsRule[] | undefined;
  /** New objects are encrypted with the cluster's key, whichever door they come by. */
  readonly isSealed?: true | undefined;
  /** ... by the one of its project that has this name. */
  readonly sealKey?: string | undefined;
}

/** Counted from the moment in which a version is made. */
export interface DefaultRetention {
  readonly mode: LockMode;
  readonly days?: number;
  readonly years?: number;
}

export interface AccessLogging {
  /** Of the same account. */
  readonly bucket: string;
  readonly prefix: string;
  /** Absent: not said, which is `SimplePrefix`. */
  readonly naming?: LogNaming | undefined;
  /** Who may read the log besides. */
  readonly grants?: readonly AclGrant[] | undefined;
}
