/** Whether a bucket keeps versions, and the list of all of them. */
import type { ApiAnswer } from '../../http/port.ts';
import { walkVersions } from '../version-listing.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { ownerXml, timeText, xmlAnswer } from './bucket.ts';
import { openBucket } from './bucket-access.ts';
import { etagOf } from './facts.ts';
import { keysMax } from './limits.ts';
import { countAsked, invalid, nameWriter } from './listing.ts';
import { ownerOf } from './object-owner.ts';
import { s3Error } from './s3-error.ts';
import { storageClassOf } from './storage-class.ts';
import { parseVersionId } from './version.ts';
import { element, optional, root, type Xml } from './xml.ts';
import { readXml, textOf } from './xml-reader.ts';

export const getVersioning = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { row } = await openBucket(context, ask, { name: 's3:GetBucketVersioning', use: 'readContainer' });
  const status = row.versions && (row.versions === 'enabled' ? 'Enabled' : 'Suspended');
  return xmlAnswer(root('VersioningConfiguration', [optional('Status', status)]));
};

export const putVersioning = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const node = await readXml(ask, 'VersioningConfiguration');
  const { project, name } = await openBucket(context, ask, {
    name: 's3:PutBucketVersioning',
    use: 'writeContainer',
  });
  if (textOf(node, 'MfaDelete') === 'Enabled') throw s3Error('NotImplemented', 'shoal has no MFA delete');
  const status = textOf(node, 'Status');
  if (status !== 'Enabled' && status !== 'Suspended') throw s3Error('MalformedXML');
  await context.containers.update(project, name, (row) => {
    if (row?.archive)
      throw s3Error(
        'InvalidBucketState',
        "Swift's X-Versions-Location or X-History-Location is set on this container.",
      );
    if (status === 'Suspended' && row?.bucket?.lock)
      throw s3Error(
        'InvalidBucketState',
        'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.',
      );
    return { versions: status === 'Enabled' ? 'enabled' : 'suspended' };
  });
  record(context, ask, 'container.update', { versioning: status });
  return {};
};

export const listVersions = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { query } = ask;
  const bucket = await openBucket(context, ask, { name: 's3:ListBucketVersions', use: 'readContainer' });
  const write = nameWriter(query);
  const max = countAsked(query, 'max-keys', keysMax);
  const given = (name: string): string => query.get(name) ?? '';
  const [prefix, delimiter, marker] = [given('prefix'), given('delimiter'), given('key-marker')];
  const idMarker = given('version-id-marker');
  const versionMarker = idMarker === '' ? undefined : parseVersionId(idMarker);
  // Where a key is named that is none, no version has the id.
  if (idMarker !== '' && query.get('key-marker') === '')
    throw invalid('version-id-marker', idMarker, 'Invalid version id specified');
  if (idMarker !== '' && marker === '')
    throw invalid(
      'version-id-marker',
      idMarker,
      'A version-id marker cannot be specified without a key marker.',
    );
  const found: Xml[] = [];
  const folders: string[] = [];
  let isTruncated = false;
  let last: { readonly key: string; readonly id: string } | undefined;
  if (max > 0)
    for await (const { name, row, versionId, isLatest } of walkVersions(
      { records: context.records, clock: context.runtime.clock },
      bucket.row.id,
      { prefix, marker, versionMarker },
    )) {
      const end = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
      const folder = end < 0 ? undefined : name.slice(0, end + delimiter.length);
      if (folder !== undefined && (folder === marker || folder === folders.at(-1))) continue;
      isTruncated = found.length + folders.length >= max;
      if (isTruncated) break;
      last = folder === undefined ? { key: name, id: versionId } : { key: folder, id: '' };
      if (folder !== undefined) {
        folders.push(folder);
        continue;
      }
      found.push(
        element(row.isMarker ? 'DeleteMarker' : 'Version', [
          element('Key', write(name)),
          element('VersionId', versionId),
          element('IsLatest', isLatest),
          element('LastModified', timeText(row.changedAtMs)),
          ...(row.isMarker
            ? []
            : [element('ETag', etagOf(row)), element('Size', row.large?.bytes ?? row.bytes)]),
          ownerXml(ownerOf(row, bucket.row.bucket, bucket.project)),
          row.isMarker ? undefined : element('StorageClass', storageClassOf(row)),
        ]),
      );
    }
  return xmlAnswer(
    root('ListVersionsResult', [
      element('Name', bucket.name),
      element('Prefix', write(prefix)),
      element('KeyMarker', write(marker)),
      element('VersionIdMarker', idMarker),
      optional('NextKeyMarker', isTruncated ? write(last?.key ?? '') : undefined),
      optional('NextVersionIdMarker', isTruncated && last?.id ? last.id : undefined),
      element('MaxKeys', max),
      optional('Delimiter', delimiter === '' ? undefined : write(delimiter)),
      optional('EncodingType', query.get('encoding-type') || undefined),
      element('IsTruncated', isTruncated),
      ...found,
      ...folders.map((folder) => element('CommonPrefixes', [element('Prefix', write(folder))])),
    ]),
  );
};
