import type { LockMode } from './lock.ts';

/** What S3 keeps with a bucket and Swift has no word for. It lives in the container's register, changed as a whole. */
export interface BucketSettings {
  /** Where its maker wished it to be. There is one place; clients want to hear their own word again. */
  readonly location?: string;
  /** Object lock is on, for good; new versions are kept so unless they say otherwise. */
  readonly lock?: { readonly retention?: DefaultRetention };
}

/** Counted from the moment in which a version is made. */
export interface DefaultRetention {
  readonly mode: LockMode;
  readonly days?: number;
  readonly years?: number;
}
