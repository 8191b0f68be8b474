/** Bounds of what is put beside a bucket, S3's own. Rows of docs/LIMITS.md. */
import { KiB } from '../../../../proto/units.ts';

/** A bucket's policy. */
export const policyBytesMax = 20 * KiB;

/** Grants of one access list. */
export const grantsMax = 100;

/** Rules of a bucket for pages in browsers, and bytes of their XML. */
export const corsRulesMax = 100;
export const corsBytesMax = 64 * KiB;

/** Fields of a form besides its file, and bytes of each: S3's 20 KB hold for all of them, mostly its policy. */
export const formFieldsMax = 100;
export const formFieldBytesMax = 20 * KiB;

/** Policies kept parsed: those of the buckets in use, some 50 KiB each at worst. */
export const policiesKeptMax = 256;
