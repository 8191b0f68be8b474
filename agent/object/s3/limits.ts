/** Every bound of the S3 door, most of them S3's own. Rows of docs/LIMITS.md. */
import { KiB, MiB, minuteMs } from '../../../proto/units.ts';

/** An XML body: 10,000 parts of a completion or 1,000 names of a deletion need less than half of it. */
export const xmlBytesMax = 2 * MiB;
/** Elements within each other: S3's deepest (lifecycle filters, replication) have 7. */
export const xmlDepthMax = 16;
/** Elements of one body: 10,000 parts with number, ETag and a checksum are 40,001. */
export const xmlElementsMax = 65_536;

/** Names in one listing: S3's. */
export const keysMax = 1000;
/** Names in one deletion of several: S3's. */
export const deletesMax = 1000;
/** Of them at the same time. */
export const deletesInFlightMax = 8;

/** Names and values of user metadata in sum: S3's. */
export const userMetadataBytesMax = 2 * KiB;

/** Buckets in one listing of an account: S3's. */
export const bucketsMax = 10_000;

/** Tags of one object and of one bucket, and characters of each: S3's. */
export const objectTagsMax = 10;
export const bucketTagsMax = 50;
export const tagNameCharactersMax = 128;
export const tagValueCharactersMax = 256;

/** Of a bucket's default retention: S3's. */
export const retentionDaysMax = 36_500;
export const retentionYearsMax = 100;

/** Rules of one bucket's lifecycle, and characters of the id of one: S3's. */
export const lifecycleRulesMax = 1000;
export const lifecycleIdCharactersMax = 255;

/** Routing rules of a website: S3's. */
export const webRulesMax = 50;

/** Rules of a bucket about whom to tell, and bytes of a prefix or suffix: S3's. */
export const eventRulesMax = 100;
export const eventFilterBytesMax = KiB;

/** How often the journal is told of more refused sign-ins with one key. */
export const refusalsToldMs = minuteMs;
/** Keys that are told apart in that time; all others are one. */
export const refusedKeysMax = 64;

/** Grants of one access list: S3's. */
export const grantsMax = 100;

/** Rules of a bucket for pages in browsers, and bytes of their XML: S3's. */
export const corsRulesMax = 100;
export const corsBytesMax = 64 * KiB;

/** Fields of a form besides its file, and bytes of each: S3's 20 KB hold for all of them, mostly its policy. */
export const formFieldsMax = 100;
export const formFieldBytesMax = 20 * KiB;

/** Of the names of a log's objects: account, bucket, time and more follow it in a key. */
export const logPrefixBytesMax = 800;
