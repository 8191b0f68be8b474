/** Which parts a completion means, and what S3 calls the whole. Pure. */
import { createHash } from 'node:crypto';
import { partBytesMin, partsMax } from '../limits.ts';
import type { Checksum, MultipartRow, PartRow } from '../records.ts';
import { s3Error } from './s3-error.ts';
import { checksumHeader, checksumNames } from './sign/checksum.ts';
import type { Headers } from './sign/headers.ts';
import { joinChecksums, parseChecksumName } from './sign/joined-checksum.ts';
import { childOf, childrenOf, textOf, wantedText, type XmlNode } from './xml-reader.ts';

export interface WantedPart {
  readonly number: number;
  /** Without quotes. */
  readonly etag: string;
  readonly checksum: Checksum | undefined;
}

/** Throws InvalidArgument. */
export const parsePartNumber = (text: string | null | undefined): number => {
  const number = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  if (number < 1 || number > partsMax)
    throw s3Error('InvalidArgument', `Part number must be an integer between 1 and ${partsMax}, inclusive`, {
      fields: { ArgumentName: 'partNumber', ArgumentValue: text ?? '' },
    });
  return number;
};

/** `CompleteMultipartUpload`. Throws MalformedXML, InvalidArgument, InvalidPartOrder. */
export const parseWantedParts = (node: XmlNode): readonly WantedPart[] => {
  const wanted = childrenOf(node, 'Part').map((part): WantedPart => {
    const name = checksumNames.find((candidate) => childOf(part, `Checksum${candidate}`));
    return {
      number: parsePartNumber(textOf(part, 'PartNumber')),
      etag: wantedText(part, 'ETag').trim().replaceAll('"', ''),
      checksum: name && { name, value: textOf(part, `Checksum${name}`) ?? '' },
    };
  });
  if (wanted.length === 0 || wanted.length > partsMax) throw s3Error('MalformedXML');
  if (wanted.some(({ number }, at) => number <= (wanted[at - 1]?.number ?? 0)))
    throw s3Error('InvalidPartOrder');
  return wanted;
};

/** Throws InvalidPart, EntityTooSmall. */
export const chooseParts = (
  wanted: readonly WantedPart[],
  there: readonly PartRow[],
  uploadId: string,
): readonly PartRow[] => {
  const byName = new Map(there.map((part) => [`${part.number} ${part.md5}`, part]));
  return wanted.map(({ number, etag, checksum }, at) => {
    const part = byName.get(`${number} ${etag}`);
    const isOther =
      checksum && part?.checksum?.name === checksum.name && part.checksum.value !== checksum.value;
    if (!part || isOther)
      throw s3Error('InvalidPart', undefined, {
        fields: { UploadId: uploadId, PartNumber: String(number), ETag: etag },
      });
    if (part.bytes < partBytesMin && at < wanted.length - 1)
      throw s3Error('EntityTooSmall', undefined, {
        fields: {
          PartNumber: String(number),
          ProposedSize: String(part.bytes),
          MinSizeAllowed: String(partBytesMin),
        },
      });
    return part;
  });
};

/** S3's ETag of an object in parts: no MD5 of its bytes. */
export const joinedEtag = (parts: readonly Pick<PartRow, 'md5'>[]): string => {
  const hash = createHash('md5');
  for (const { md5 } of parts) hash.update(Buffer.from(md5, 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
};

/** From those of the parts, where all have one; what the client says of the whole is held to it. Throws BadDigest. */
export const joinedChecksum = (
  asked: MultipartRow['checksum'],
  parts: readonly Pick<PartRow, 'checksum' | 'bytes'>[],
  headers: Headers,
): Checksum | undefined => {
  if (!asked) return undefined;
  const name = parseChecksumName(asked.name);
  const values = parts.flatMap(({ checksum, bytes }) =>
    checksum?.name === name ? [{ value: checksum.value, bytes }] : [],
  );
  if (values.length < parts.length) return undefined;
  const value = joinChecksums(name, asked.isWhole ? 'FULL_OBJECT' : 'COMPOSITE', values);
  const said = headers[checksumHeader(name)];
  if (said !== undefined && said.replace(/-\d+$/, '') !== value.replace(/-\d+$/, ''))
    throw s3Error('BadDigest', `The ${name} you specified did not match the calculated checksum.`);
  return { name, value };
};
