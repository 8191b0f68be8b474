/** `x-amz-storage-class`: what an object is kept as. STANDARD, and what says nothing, is what the bucket's policy says. */
import { parseStorageClass, type StorageClass } from '../policy.ts';
import type { ObjectRow } from '../records.ts';
import type { S3Context } from './ask.ts';
import { s3Error } from './s3-error.ts';

const header = 'x-amz-storage-class';

/** Throws InvalidStorageClass, also where there are too few hosts for it. */
export const storageClassAsked = (
  context: Pick<S3Context, 'codes'>,
  headers: Readonly<Record<string, string | undefined>>,
): StorageClass | undefined => {
  // What there are hosts for is a look at the ring, which most need not take.
  if (headers[header] === undefined) return undefined;
  const storageClass = parseStorageClass(headers[header], context.codes());
  if (storageClass === null) throw s3Error('InvalidStorageClass');
  return storageClass;
};

/** As lists show it. */
export const storageClassOf = ({ storageClass }: Pick<ObjectRow, 'storageClass'>): string =>
  storageClass ?? 'STANDARD';

/** As S3, nothing where it is STANDARD. */
export const storageClassHeader = ({
  storageClass,
}: Pick<ObjectRow, 'storageClass'>): Record<string, string> =>
  storageClass ? { [header]: storageClass } : {};
