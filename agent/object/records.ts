/**
 * The rows of the object service.
 *
 *   object-account     register  project / "account"            metadata of the account
 *   object-container   register  project / name                 the container's incarnation, lists, metadata
 *   object             rows      incarnation / name             one upload: where its bytes are, what it is
 *   object-post        rows      incarnation / name NUL upload  what a POST later said about that upload
 *   object/version     rows      incarnation / name NUL order   every version, where versioning was ever on
 *   object-multipart   register  incarnation / name NUL upload  an object that comes in parts
 *   object-part        rows      upload / number part          one part: where its bytes are
 *   object-guard       register  incarnation / name             who may change an object, where conditions are set
 *   object-lock        register  incarnation / name NUL upload  what keeps a version from being deleted
 *   object-lifecycle   register  "rules" / incarnation           a bucket's rules, and when they were last obeyed
 *   object-bucket      register  bucket name / ""               whose container S3 means by that name
 *   object-expiry      rows      shard / second incarnation ... what to look at when that second has come
 *   object-event, object-event-queue                           what is told of changes: `events/event-row.ts`
 *
 * An object's partition key is the id of its container's incarnation, drawn when the container is created: a
 * container that is deleted and created again can never show an old row, and no two names can run together.
 * A POST has a row of its own because a row is replaced whole: a POST that raced with a PUT would bring the old
 * bytes back. The upload's id ties the two; a POST to an upload that was replaced has no effect.
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Code } from '../../proto/policy.ts';
import type { Stamp } from '../../proto/stamp.ts';
import type { Content } from '../chunk/port.ts';
import type { Registers, Rows, Tables } from '../table/port.ts';
import type { AccountList } from './account-list.ts';
import type { AclGrant } from './acl-grant.ts';
import type { BucketNameRow } from './bucket-names.ts';
import type { BucketSettings } from './bucket-settings.ts';
import type { EventQueueRow, EventRow } from './events/event-row.ts';
import type { LifecycleRule } from './lifecycle.ts';
import type { Lock } from './lock.ts';
import type { LongParts } from './long-parts.ts';
import type { Metadata } from './metadata.ts';
import type { StorageClass } from './policy.ts';
import type { Seal } from './seal.ts';

export interface AccountRow {
  readonly createdAtMs: number;
  /** Its `quota-bytes` bounds all of the account. */
  readonly metadata: Metadata;
  readonly accessList?: AccountList | undefined;
  /** `quota-count`, and `quota-bytes-policy-<name>` and `quota-count-policy-<name>`: set by resellers. */
  readonly quotas?: Metadata | undefined;
}

export interface ContainerRow {
  /** This incarnation: partition key of its objects. */
  readonly id: Uuid;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  readonly metadata: Metadata;
  readonly readList: string;
  readonly writeList: string;
  /** Token of a deletion that found or is finding out whether it is empty. null: open. */
  readonly closing: Uuid | null;
  /** X-Versions-Enabled. Absent: never was. */
  readonly versions?: 'enabled' | 'suspended' | undefined;
  /** X-Versions-Location (stack) or X-History-Location: where old versions are copied to. */
  readonly archive?: { readonly container: string; readonly mode: 'stack' | 'history' } | undefined;
  /** Nobody has ever sent a POST to an object in it: posts need not be looked for. */
  readonly isUnposted?: true;
  /** There was a write with a condition in it: changes of its objects are decided at registers (`guard.ts`). */
  readonly isGuarded?: true;
  /** How the bytes of its objects are kept, for good: `policy.ts`. Absent: the default. */
  readonly policy?: string;
  /** What only S3 has. */
  readonly bucket?: BucketSettings | undefined;
}

/** A part of an object, and of its content: its chunks are used by `chunkUser(upload)` of its own. */
export interface ObjectPart {
  readonly number: number;
  readonly upload: Uuid;
  readonly bytes: number;
  readonly chunks: number;
  readonly checksum?: Checksum;
}

/** An object that comes in parts, until it is complete. While its register stands the parts belong to it. */
export interface MultipartRow {
  readonly upload: Uuid;
  readonly name: string;
  readonly facts: Omit<ObjectFacts, 'changedAtMs'>;
  readonly startedAtMs: number;
  readonly initiator: { readonly id: string; readonly name: string } | null;
  readonly lock?: Lock;
  readonly checksum?: { readonly name: string; readonly isWhole: boolean };
  readonly seal?: Seal | undefined;
  readonly storageClass?: StorageClass | undefined;
  /** What its parts are kept as. */
  readonly code?: Code | undefined;
  /** Being put together: no part is taken any more. */
  readonly isClosing?: true;
  /** Meanwhile: its parts are given back, and there is no such upload. */
  readonly isAborted?: true;
}

export interface PartRow {
  readonly number: number;
  readonly upload: Uuid;
  readonly content: Content;
  readonly bytes: number;
  readonly md5: string;
  readonly checksum?: Checksum;
  readonly atMs: number;
}

/** Sealed: its version is being deleted. */
export interface LockRow extends Lock {
  readonly isSealed?: true;
}

/** The rules of one bucket. All stand under one partition key: buckets with rules are few, and looked at in turn. */
export interface LifecycleRow {
  readonly project: string;
  readonly container: string;
  readonly rules: readonly LifecycleRule[];
  /** When a host last began to obey them. */
  readonly sweptAtMs: number;
  /** When the newest sweep began that came to its end, under these rules. */
  readonly doneAtMs?: number;
}

/**
 * What was decided last of an object. Until it is done with the row (absent: a deletion), its stamp, the marker that a deletion
 * leaves, and whether what is replaced is kept as a version.
 */
export type GuardRow =
  | {
      readonly token: Uuid;
      readonly stamp: Stamp;
      readonly row?: ObjectRow;
      readonly marker?: ObjectRow;
      readonly keeps?: true;
      readonly isDone?: never;
    }
  | { readonly token: Uuid; readonly isDone: true };

/** Another object that a symbolic link stands for. */
export interface Link {
  readonly project: string;
  readonly container: string;
  readonly object: string;
  /** No account was named: it stands for what has that path in whichever account it is copied to. */
  readonly isOwn?: true;
  /** Its ETag, bytes: a static link, which breaks when the target changes. `slo`: a large object's, as listings tell it. */
  readonly fixed?: { readonly etag: string; readonly bytes: number; readonly slo?: string };
}

/** One of S3's checksums, e.g. `CRC32C`. */
export interface Checksum {
  readonly name: string;
  /** Base64; of an object in parts with `-` and their number behind. */
  readonly value: string;
}

/** What GET and HEAD tell beside the bytes, and a POST may replace. */
export interface ObjectFacts {
  readonly contentType: string;
  /** Content-Encoding, Content-Disposition and the like. */
  readonly kept: Metadata;
  readonly metadata: Metadata;
  /** When it is gone, in seconds since 1970; null: never. */
  readonly deleteAtSeconds: number | null;
  /** S3: the account that wrote it, where the bucket is another's and lets it be. Absent: the bucket's. */
  readonly owner?: string | undefined;
  /** S3: whom besides its owner it is open to. */
  readonly grants?: readonly AclGrant[] | undefined;
  /** They say what is granted to the owner as well, who may do all with or without. Absent: FULL_CONTROL. */
  readonly grantsAreAll?: true | undefined;
  /** Of the upload, or of the POST. */
  readonly changedAtMs: number;
  /** S3's. */
  readonly tags?: Metadata | undefined;
}

export interface ObjectRow extends ObjectFacts {
  /** Names this upload; the user of its chunks is `chunkUser(upload)`. */
  readonly upload: Uuid;
  readonly content: Content;
  /** Its bytes moved to another policy: the user of its chunks is `chunkUser` of this one, its parts' own no more. */
  readonly heldBy?: Uuid;
  readonly bytes: number;
  readonly md5: string;
  /** A static large object: `content` is its list of segments, these are the sums. */
  readonly large?: { readonly bytes: number; readonly etag: string };
  readonly link?: Link;
  /** Encrypted; `md5` is that of the plain bytes. */
  readonly seal?: Seal | undefined;
  /** It came in parts, and its chunks are theirs. `md5` is then S3's ETag, `<md5 of the parts' md5s>-<number>`. */
  readonly parts?: readonly ObjectPart[];
  /** It did, and their lists are too long for this row: they are where they came to. `content` is empty then. */
  readonly long?: LongParts;
  /** S3: checked when the bytes came, and told to whoever asks. */
  readonly checksum?: Checksum;
  /** S3's, where it is not STANDARD. */
  readonly storageClass?: StorageClass | undefined;
  /** As it was made; `object-lock` has what was said since. */
  readonly lock?: Lock;
  /** Names it in `?version-id=`. Its bytes belong to its row in `object/version`. */
  readonly versionId?: string;
  /** A deletion, as a version. */
  readonly isMarker?: true;
  /** A version from before there were any: clients call it `null`, whatever its id says of its place in the order. */
  readonly isNull?: true;
}

/** Looked at when its second has come; the object itself says whether it is expired. */
export interface ExpiryRow {
  readonly project: string;
  readonly container: string;
  readonly id: Uuid;
  readonly name: string;
  readonly upload: Uuid;
}

export interface PostRow extends ObjectFacts {
  readonly upload: Uuid;
}

export interface Records {
  readonly accounts: Registers<AccountRow>;
  readonly containers: Registers<ContainerRow>;
  readonly objects: Rows<ObjectRow>;
  readonly posts: Rows<PostRow>;
  readonly versions: Rows<ObjectRow>;
  readonly expiry: Rows<ExpiryRow>;
  readonly bucketNames: Registers<BucketNameRow>;
  readonly multiparts: Registers<MultipartRow>;
  readonly parts: Rows<PartRow>;
  readonly locks: Registers<LockRow>;
  readonly lifecycles: Registers<LifecycleRow>;
  readonly guards: Registers<GuardRow>;
  readonly events: Rows<EventRow>;
  readonly eventQueues: Registers<EventQueueRow>;
}

/** The user of its chunks, where they are not its parts'. */
export const holderOf = ({ heldBy, upload }: Pick<ObjectRow, 'heldBy' | 'upload'>): Uuid => heldBy ?? upload;

export const accountKey = 'account';
export const lifecycleGroup = 'rules';
export const chunkUser = (upload: Uuid): string => `object:${upload}`;
/** NUL is in no name: all posts of a name stand together, directly after it. */
export const postKey = (name: string, upload: Uuid): string => `${name}\0${upload}`;

export const multipartKey = (name: string, upload: string): string => `${name}\0${upload}`;
export const partPrefix = (number: number): string => `${String(number).padStart(5, '0')}/`;
export const partKey = (number: number, upload: Uuid): string => partPrefix(number) + upload;

/** Sixteen partitions, so that no single one takes the notes of all expiring objects. */
export const expiryShards: readonly string[] = [...'0123456789abcdef'].map((digit) => `expiry-${digit}`);
export const expiryShard = (upload: Uuid): string => `expiry-${upload.slice(0, 1)}`;
/** In the order in which they come due; 12 digits are 30,000 years. */
export const expirySecond = (seconds: number): string => String(seconds).padStart(12, '0');
export const expiryKey = (seconds: number, upload: Uuid): string => `${expirySecond(seconds)}/${upload}`;

export const openRecords = (tables: Tables): Records => ({
  accounts: tables.registers<AccountRow>({ name: 'object-account' }),
  containers: tables.registers<ContainerRow>({ name: 'object-container' }),
  // What is a version too is weighed there, once.
  objects: tables.rows<ObjectRow>({
    name: 'object',
    weight: (row) => (row.versionId === undefined ? row.bytes : 0),
    splits: true,
  }),
  posts: tables.rows<PostRow>({ name: 'object-post', splits: true }),
  versions: tables.rows<ObjectRow>({ name: 'object/version', weight: (row) => row.bytes, splits: true }),
  expiry: tables.rows<ExpiryRow>({ name: 'object-expiry' }),
  bucketNames: tables.registers<BucketNameRow>({ name: 'object-bucket' }),
  multiparts: tables.registers<MultipartRow>({ name: 'object-multipart' }),
  parts: tables.rows<PartRow>({ name: 'object-part' }),
  locks: tables.registers<LockRow>({ name: 'object-lock' }),
  guards: tables.registers<GuardRow>({ name: 'object-guard' }),
  lifecycles: tables.registers<LifecycleRow>({ name: 'object-lifecycle' }),
  events: tables.rows<EventRow>({ name: 'object-event' }),
  eventQueues: tables.registers<EventQueueRow>({ name: 'object-event-queue' }),
});

/** Put together from parts by S3: its ETag is no MD5 of its bytes, nor is that of a copy. */
export const isJoined = ({ md5 }: Pick<ObjectRow, 'md5'>): boolean => md5.includes('-');

/**
 * S3's ETag. Of a large object of Swift's with `-N` behind it, as Swift's own S3 does, so that no client takes it for the
 * MD5 of the bytes.
 */
export const etagShown = ({ large, md5 }: Pick<ObjectRow, 'large' | 'md5'>): string =>
  large ? largeEtag(large.etag) : md5;
export const largeEtag = (etag: string): string => `${etag}-N`;

/** An upload as its newest post shows it. */
export const withPost = (row: ObjectRow, post: PostRow | undefined): ObjectRow =>
  post && post.upload === row.upload ? { ...row, ...post } : row;

export const isExpired = (facts: ObjectFacts, nowMs: number): boolean =>
  facts.deleteAtSeconds !== null && facts.deleteAtSeconds * 1000 <= nowMs;
