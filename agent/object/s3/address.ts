/**
 * Which bucket and key a request means:
 *
 *     path style       GET /photos/reef/1.jpg        Host: 10.0.0.5:9701
 *     virtual host     GET /reef/1.jpg               Host: photos.s3.example.org
 *
 * The bucket stands in the host name where that ends in one of the domains of this door. Paths are decoded once and
 * never normalised: `a//b`, `a/../b` and `a/` are keys like any other.
 */
import { objectNameBytesMax } from '../limits.ts';
import { s3Error } from './s3-error.ts';

export interface Address {
  /** '' for the account. */
  readonly bucket: string;
  /** '' for the bucket. */
  readonly key: string;
}

/** '' in path style. The longest domain counts, so that `s3.example.org` is not bucket `s3` of `example.org`. */
export const hostBucketOf = (host: string | undefined, domains: readonly string[]): string => {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase();
  const [domain] = domains
    .filter((candidate) => name === candidate || name.endsWith(`.${candidate}`))
    .sort((a, b) => b.length - a.length);
  return domain === undefined || name === domain ? '' : name.slice(0, -domain.length - 1);
};

/** Throws InvalidURI. */
export const decodePath = (path: string): string => {
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch (cause) {
    throw s3Error('InvalidURI', undefined, { cause });
  }
  // NUL separates names from what the store adds to them.
  if (text.includes('\0')) throw s3Error('InvalidURI', "Couldn't parse the specified URI: it contains NUL.");
  return text;
};

/** Throws KeyTooLongError. */
export const checkKey = (key: string): string => {
  const bytes = Buffer.byteLength(key);
  if (bytes > objectNameBytesMax)
    throw s3Error('KeyTooLongError', undefined, {
      fields: { Size: String(bytes), MaxSizeAllowed: String(objectNameBytesMax) },
    });
  return key;
};

/** Throws InvalidURI, KeyTooLongError. */
export const addressOf = (path: string, hostBucket: string): Address => {
  const text = decodePath(path).replace(/^\//, '');
  if (hostBucket !== '') return { bucket: hostBucket, key: checkKey(text) };
  const slash = text.indexOf('/');
  if (slash < 0) return { bucket: text, key: '' };
  return { bucket: text.slice(0, slash), key: checkKey(text.slice(slash + 1)) };
};
