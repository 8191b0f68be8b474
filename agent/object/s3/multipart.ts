/** Uploads in parts over HTTP: create, put and copy a part, complete, abort. Their lists are in `part-listing.ts`. */
import { hasCode, ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { archiveObject } from '../archive.ts';
import { type ByteRange, parseRange } from '../byte-range.ts';
import { objectBytesMax } from '../limits.ts';
import type { NewPart } from '../multipart.ts';
import { codeFor } from '../policy.ts';
import type { MultipartRow, PartRow } from '../records.ts';
import { isOneVault, type Opener, type Seal } from '../seal.ts';
import { openerFor, roomFor } from '../store-object.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { timeText, xmlAnswer } from './bucket.ts';
import { openTarget } from './bucket-access.ts';
import { copySourceOf, openSource, sourceVersionHeader } from './copy.ts';
import { expirationHeader } from './expiration.ts';
import { checksumHeaders, etagOf, factsOfPut, newVersionHeader, quoted, versionHeader } from './facts.ts';
import { lockAsked } from './lock-words.ts';
import { ownerFacts } from './object-owner.ts';
import { chooseParts, joinedChecksum, joinedEtag, parsePartNumber, parseWantedParts } from './part-list.ts';
import { announcedBytes, orBadDigest, orNoBucket, writeCheck } from './put.ts';
import { s3Error } from './s3-error.ts';
import { checksumKind, checksummed, kindOfValue, parseChecksumName } from './sign/joined-checksum.ts';
import { checkSealKey, customerKeyOf, sealAsked, sealHeaders } from './sse.ts';
import { storageClassAsked } from './storage-class.ts';
import { element, optional, root } from './xml.ts';
import { readXml } from './xml-reader.ts';

const putAction = { name: 's3:PutObject', use: 'writeObject' } as const;

export const uploadIdOf = ({ query }: S3Ask): string => query.get('uploadId') ?? '';

export const orNoUpload =
  (uploadId: string) =>
  (cause: unknown): never => {
    if (hasCode(cause, 'NOT_FOUND') && cause.details.s3 === undefined)
      throw s3Error('NoSuchUpload', undefined, { fields: { UploadId: uploadId } });
    throw cause;
  };

/** Throws InvalidRequest. */
const checksumAsked = ({ headers }: S3Ask) => {
  const algorithm = headers['x-amz-checksum-algorithm'];
  if (algorithm === undefined) return undefined;
  const name = parseChecksumName(algorithm);
  return { name, isWhole: checksumKind(name, headers['x-amz-checksum-type']) === 'FULL_OBJECT' };
};

export const createUpload = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const target = await openTarget(context, ask, putAction);
  const { place, container } = target;
  const seal = openerFor(context, target, sealAsked(ask.headers))?.seal;
  const facts = { ...factsOfPut(ask.headers), ...ownerFacts(ask, target) };
  const lock = lockAsked(ask, container, context.runtime.clock.wallMs());
  const checksum = checksumAsked(ask);
  const storageClass = storageClassAsked(context, ask.headers);
  const user = ask.principal?.user;
  const { upload } = await context.multiparts
    .create(place, {
      facts,
      initiator: user ? { id: user.id, name: user.name } : null,
      ...(checksum && { checksum }),
      ...(lock && { lock }),
      ...{ seal, storageClass, code: codeFor(container, storageClass) },
    })
    .catch(orNoBucket(ask.bucket));
  record(context, ask, 'object.upload', { upload });
  return xmlAnswer(
    root('InitiateMultipartUploadResult', [
      element('Bucket', ask.bucket),
      element('Key', ask.key),
      element('UploadId', upload),
    ]),
    {
      ...sealHeaders({ seal }),
      ...(checksum && {
        'x-amz-checksum-algorithm': checksum.name,
        'x-amz-checksum-type': checksum.isWhole ? 'FULL_OBJECT' : 'COMPOSITE',
      }),
    },
  );
};

/** `bytes=first-last`, both there. Throws InvalidArgument, InvalidRange. */
const copyRange = ({ headers }: S3Ask, bytes: number): ByteRange | undefined => {
  const text = headers['x-amz-copy-source-range'];
  if (text === undefined) return undefined;
  const [, last] = /^bytes=\d+-(\d+)$/.exec(text) ?? [];
  if (last === undefined)
    throw s3Error(
      'InvalidArgument',
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
      { fields: { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: text } },
    );
  const [range] = parseRange(text, bytes) ?? [];
  if (!range || Number(last) >= bytes) throw s3Error('InvalidRange');
  return range;
};

/** A part comes with the key of its upload. Throws InvalidRequest. */
const openWith =
  (context: S3Context, { headers }: S3Ask) =>
  (seal: Seal | undefined): Opener | undefined => {
    const customer = customerKeyOf(headers);
    try {
      checkSealKey(context, seal, customer);
      return seal && context.seals.open(seal, customer?.key);
    } catch (cause) {
      throw s3Error(
        'InvalidRequest',
        'The provided encryption parameters did not match the ones used originally.',
        { cause },
      );
    }
  };

/** The same bytes with a checksum that is known once they have ended. */
const summed = (source: AsyncIterable<Uint8Array>, asked: string): Pick<NewPart, 'source' | 'checksum'> => {
  const name = parseChecksumName(asked);
  let value = '';
  return {
    source: checksummed(source, name, (found) => {
      value = found;
    }),
    checksum: () => ({ name, value }),
  };
};

const copyPart = async (context: S3Context, ask: S3Ask, number: number): Promise<ApiAnswer> => {
  const { place } = await openTarget(context, ask, putAction);
  const from = copySourceOf(ask);
  const { row, thing, bucket } = await openSource(context, ask, from);
  const range = copyRange(ask, thing.bytes);
  const uploadId = uploadIdOf(ask);
  const { seal, checksum } = await context.multiparts.get(place, uploadId).catch(orNoUpload(uploadId));
  const isShared =
    !range &&
    !checksum &&
    isOneVault(seal, row.seal) &&
    !thing.isLarge &&
    row.content.kind === 'chunks' &&
    /^[\da-f]{32}$/.test(row.md5) &&
    thing.row === row;
  const stands = async (): Promise<boolean> => {
    const now = await openSource(context, ask, from).catch((cause: unknown) => {
      if (cause instanceof ShoalError && cause.status < 500) return undefined;
      throw cause;
    });
    return now?.row.upload === row.upload;
  };
  const bytes = range ? range.end - range.start : thing.bytes;
  const part: PartRow = await (isShared
    ? context.multiparts.share(place, uploadId, number, row, stands)
    : context.multiparts.put(place, uploadId, {
        ...{ number, bytes, bytesMax: objectBytesMax, signal: ask.signal },
        source: thing.read(range ?? {}),
        sum: (name) => summed(thing.read(range ?? {}), name),
        open: openWith(context, ask),
      })
  ).catch(orNoUpload(uploadId));
  return xmlAnswer(
    root('CopyPartResult', [element('LastModified', timeText(part.atMs)), element('ETag', quoted(part.md5))]),
    { ...versionHeader(bucket.row, row, sourceVersionHeader), ...sealHeaders({ seal }) },
  );
};

export const putPart = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const number = parsePartNumber(ask.query.get('partNumber'));
  if (ask.headers['x-amz-copy-source'] !== undefined) return copyPart(context, ask, number);
  const target = await openTarget(context, ask, putAction);
  const bytes = announcedBytes(ask);
  const uploadId = uploadIdOf(ask);
  let seal: Seal | undefined;
  const part = await context.multiparts
    .put(target.place, uploadId, {
      ...{ number, bytes, md5: ask.md5, signal: ask.signal },
      source: ask.body,
      bytesMax: await roomFor(context, target, bytes),
      checksum: () => ask.checksum,
      sum(name) {
        if (!ask.checksum) return summed(ask.body, name);
        if (ask.checksum.name === name) return undefined;
        throw s3Error(
          'InvalidRequest',
          `Checksum Type mismatch occurred, expected checksum Type: ${name.toLowerCase()}, actual checksum Type: ${ask.checksum.name.toLowerCase()}`,
        );
      },
      open(of) {
        seal = of;
        return openWith(context, ask)(of);
      },
    })
    .catch(orBadDigest(ask))
    .catch(orNoUpload(uploadId));
  return { headers: { ETag: quoted(part.md5), ...checksumHeaders(part), ...sealHeaders({ seal }) } };
};

/** What a completion says of the whole. Throws InvalidRequest. */
const checkWhole = (
  { headers }: S3Ask,
  asked: Pick<MultipartRow, 'checksum'> | undefined,
  parts: readonly Pick<PartRow, 'bytes'>[],
): void => {
  const { 'x-amz-mp-object-size': size, 'x-amz-checksum-type': kind } = headers;
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  if (size !== undefined && size.trim() !== String(bytes))
    throw s3Error(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${size.slice(0, 20)} does not match what was computed: ${bytes}`,
    );
  if (kind === undefined || !asked?.checksum) return;
  const { name, isWhole } = asked.checksum;
  if (checksumKind(parseChecksumName(name), kind) !== (isWhole ? 'FULL_OBJECT' : 'COMPOSITE'))
    throw s3Error('InvalidRequest', 'The checksum type does not match that with which the upload began.');
};

/** The caller's key must come where the upload was to have a checksum, and must be that one wherever it comes. Throws InvalidRequest. */
const checkUploadKey = (context: S3Context, ask: S3Ask, { seal, checksum }: MultipartRow): void => {
  if (seal?.kind === 'customer' && (checksum || customerKeyOf(ask.headers))) openWith(context, ask)(seal);
};

export const completeUpload = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const target = await openTarget(context, ask, putAction);
  const { place, container } = target;
  if (!ask.bytes && ask.headers['transfer-encoding'] === undefined) throw s3Error('MalformedXML');
  const wanted = parseWantedParts(await readXml(ask, 'CompleteMultipartUpload'));
  const uploadId = uploadIdOf(ask);
  const asked = await context.multiparts.get(place, uploadId).catch((thrown) => {
    // Completed before: the same again is no error.
    if (hasCode(thrown, 'NOT_FOUND')) return undefined;
    throw thrown;
  });
  if (asked) checkUploadKey(context, ask, asked);
  if (container.archive) await archiveObject(context, place, container.archive);
  const row = await context.multiparts
    .complete(place, uploadId, {
      choose(parts) {
        const chosen = chooseParts(wanted, parts, uploadId);
        checkWhole(ask, asked, chosen);
        return chosen;
      },
      etagOf: joinedEtag,
      checksumOf: (parts) => joinedChecksum(asked?.checksum, parts, ask.headers),
      check: writeCheck(ask),
    })
    .catch(orNoUpload(uploadId));
  // Completed before, of other parts.
  if (row.md5 !== joinedEtag(wanted.map(({ etag }) => ({ md5: etag }))))
    throw s3Error('NoSuchUpload', undefined, { fields: { UploadId: uploadId } });
  record(context, ask, 'object.put', { bytes: row.bytes, parts: wanted.length });
  return xmlAnswer(
    root('CompleteMultipartUploadResult', [
      element('Location', `${ask.origin}${ask.path}`),
      element('Bucket', ask.bucket),
      element('Key', ask.key),
      element('ETag', etagOf(row)),
      optional(`Checksum${row.checksum?.name ?? ''}`, row.checksum?.value),
      optional('ChecksumType', row.checksum && kindOfValue(row.checksum.value)),
    ]),
    {
      ...newVersionHeader(container, row),
      ...sealHeaders(row),
      ...(await expirationHeader(context, container, row, { name: ask.key, bytes: row.bytes })),
    },
  );
};

export const abortUpload = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { place } = await openTarget(context, ask, { name: 's3:AbortMultipartUpload', use: 'writeObject' });
  const uploadId = uploadIdOf(ask);
  await context.multiparts.abort(place, uploadId).catch(orNoUpload(uploadId));
  record(context, ask, 'object.abort', { upload: uploadId });
  return { status: 204 };
};
