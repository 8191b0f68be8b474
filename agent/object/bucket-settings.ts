/** What S3 keeps with a bucket and Swift has no word for. It lives in the container's register, changed as a whole. */
export interface BucketSettings {
  /** Where its maker wished it to be. There is one place; clients want to hear their own word again. */
  readonly location?: string;
}
