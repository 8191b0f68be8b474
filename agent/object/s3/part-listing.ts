/** ListParts and ListMultipartUploads. */
import type { ApiAnswer } from '../../http/port.ts';
import { type MultipartRow, type PartRow, partPrefix } from '../records.ts';
import { walk } from '../walk.ts';
import type { S3Ask, S3Context } from './ask.ts';
import { ownerXml, timeText, xmlAnswer } from './bucket.ts';
import { openBucket, placeIn } from './bucket-access.ts';
import { quoted } from './facts.ts';
import { keysMax } from './limits.ts';
import { countAsked, nameWriter } from './listing.ts';
import { orNoUpload, uploadIdOf } from './multipart.ts';
import { ownerOf } from './object-owner.ts';
import { storageClassOf } from './storage-class.ts';
import { element, optional, root, type Xml } from './xml.ts';

const initiatorXml = (initiator: MultipartRow['initiator']): Xml | undefined =>
  initiator ? ownerXml(initiator.id, initiator.name, 'Initiator') : undefined;

/** Of parts that came twice the last one counts. */
async function* newestParts(parts: AsyncIterable<PartRow>): AsyncGenerator<PartRow, void, undefined> {
  let newest: PartRow | undefined;
  for await (const part of parts) {
    if (newest && newest.number !== part.number) yield newest;
    if (newest?.number !== part.number || part.atMs >= newest.atMs) newest = part;
  }
  if (newest) yield newest;
}

export const listParts = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { query } = ask;
  const bucket = await openBucket(context, ask, {
    name: 's3:ListMultipartUploadParts',
    use: 'readContainer',
  });
  const uploadId = uploadIdOf(ask);
  const { upload, initiator, checksum, storageClass, facts } = await context.multiparts
    .get(placeIn(bucket, ask.key), uploadId)
    .catch(orNoUpload(uploadId));
  const max = countAsked(query, 'max-parts', keysMax);
  const marker = countAsked(query, 'part-number-marker', Number.MAX_SAFE_INTEGER) % Number.MAX_SAFE_INTEGER;
  const write = nameWriter(query);
  const parts: PartRow[] = [];
  let isTruncated = false;
  if (max > 0)
    for await (const part of newestParts(context.multiparts.walkParts(upload, partPrefix(marker + 1)))) {
      isTruncated = parts.length >= max;
      if (isTruncated) break;
      parts.push(part);
    }
  return xmlAnswer(
    root('ListPartsResult', [
      element('Bucket', ask.bucket),
      element('Key', write(ask.key)),
      element('UploadId', uploadId),
      initiatorXml(initiator),
      ownerXml(ownerOf(facts, bucket.row.bucket, bucket.project)),
      element('StorageClass', storageClassOf({ storageClass })),
      element('PartNumberMarker', marker),
      optional('NextPartNumberMarker', parts.at(-1)?.number),
      element('MaxParts', max),
      optional('EncodingType', query.get('encoding-type') || undefined),
      optional('ChecksumAlgorithm', checksum?.name),
      element('IsTruncated', isTruncated),
      ...parts.map((part) =>
        element('Part', [
          element('PartNumber', part.number),
          element('LastModified', timeText(part.atMs)),
          element('ETag', quoted(part.md5)),
          element('Size', part.bytes),
          optional(`Checksum${part.checksum?.name ?? ''}`, part.checksum?.value),
        ]),
      ),
    ]),
  );
};

export const listUploads = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { query } = ask;
  const bucket = await openBucket(context, ask, {
    name: 's3:ListBucketMultipartUploads',
    use: 'readContainer',
  });
  const write = nameWriter(query);
  const max = countAsked(query, 'max-uploads', keysMax);
  const given = (name: string): string => query.get(name) ?? '';
  const [prefix, delimiter, keyMarker, idMarker] = [
    given('prefix'),
    given('delimiter'),
    given('key-marker'),
    given('upload-id-marker'),
  ];
  const uploads: MultipartRow[] = [];
  const folders: string[] = [];
  // Behind all uploads of the marked key, or only behind the one that is named.
  const isFolder = delimiter !== '' && keyMarker.endsWith(delimiter);
  const marker =
    keyMarker === '' || isFolder ? keyMarker : `${keyMarker}\0${idMarker === '' ? '\u{10FFFF}' : idMarker}`;
  let isTruncated = false;
  let last: { readonly key: string; readonly id: string } | undefined;
  if (max > 0)
    for await (const step of walk((range) => context.records.multiparts.range(bucket.row.id, range), {
      prefix,
      delimiter,
      marker,
      rows: max + 1,
    })) {
      isTruncated = uploads.length + folders.length >= max;
      if (isTruncated) break;
      if (step.kind === 'folder') folders.push(step.name);
      else if (!step.row.isAborted) uploads.push(step.row);
      last =
        step.kind === 'folder' ? { key: step.name, id: '' } : { key: step.row.name, id: step.row.upload };
    }
  return xmlAnswer(
    root('ListMultipartUploadsResult', [
      element('Bucket', ask.bucket),
      element('KeyMarker', write(keyMarker)),
      element('UploadIdMarker', idMarker),
      optional('NextKeyMarker', isTruncated ? write(last?.key ?? '') : undefined),
      optional('NextUploadIdMarker', isTruncated ? last?.id : undefined),
      element('Prefix', write(prefix)),
      optional('Delimiter', delimiter === '' ? undefined : write(delimiter)),
      optional('EncodingType', query.get('encoding-type') || undefined),
      element('MaxUploads', max),
      element('IsTruncated', isTruncated),
      ...uploads.map((upload) =>
        element('Upload', [
          element('Key', write(upload.name)),
          element('UploadId', upload.upload),
          initiatorXml(upload.initiator),
          ownerXml(ownerOf(upload.facts, bucket.row.bucket, bucket.project)),
          element('StorageClass', storageClassOf(upload)),
          element('Initiated', timeText(upload.startedAtMs)),
          optional('ChecksumAlgorithm', upload.checksum?.name),
        ]),
      ),
      ...folders.map((folder) => element('CommonPrefixes', [element('Prefix', write(folder))])),
    ]),
  );
};
