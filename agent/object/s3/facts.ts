/** What the headers of an upload say about an object, and those that tell it to a reader. */

import { headerValueBytesMax } from '../limits.ts';
import {
  headerText,
  headerValue,
  keptHeaderValues,
  type Metadata,
  manifestHeader,
  readKeptHeaders,
} from '../metadata.ts';
import type { NewFacts } from '../objects.ts';
import type { Readable } from '../readable.ts';
import { type ContainerRow, etagShown, type ObjectRow } from '../records.ts';
import { httpDate } from '../time.ts';
import { shownVersionId } from '../versions.ts';
import { aclAsked } from './acl-request.ts';
import { userMetadataBytesMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import type { Headers } from './sign/headers.ts';
import { kindOfValue } from './sign/joined-checksum.ts';
import { storageClassHeader } from './storage-class.ts';
import { parseTaggingHeader } from './tags.ts';

const metadataPrefix = 'x-amz-meta-';
const redirectHeader = 'x-amz-website-redirect-location';
const typeDefault = 'binary/octet-stream';

/** Throws MetadataTooLarge. */
const readMetadata = (headers: Headers): Metadata => {
  const found: Record<string, string> = {};
  let bytes = 0;
  for (const header in headers) {
    if (!header.startsWith(metadataPrefix)) continue;
    const name = header.slice(metadataPrefix.length);
    const value = headerText(headers, header) ?? '';
    bytes += name.length + Buffer.byteLength(value);
    found[name] = value;
  }
  if (bytes > userMetadataBytesMax)
    throw s3Error('MetadataTooLarge', undefined, {
      fields: { Size: String(bytes), MaxSizeAllowed: String(userMetadataBytesMax) },
    });
  return found;
};

/** Throws InvalidTag. */
const tagsOf = (headers: Headers): Pick<NewFacts, 'tags'> => {
  const tags = parseTaggingHeader(headers['x-amz-tagging']);
  return tags ? { tags } : {};
};

/** Where a website sends readers of this object on to. Throws InvalidRedirectLocation. */
const redirectOf = (headers: Headers): Metadata => {
  const to = headerText(headers, redirectHeader);
  if (to === undefined) return {};
  if (!/^(\/|https?:\/\/)/.test(to) || Buffer.byteLength(to) > headerValueBytesMax)
    throw s3Error('InvalidRedirectLocation');
  return { [redirectHeader]: to };
};

/** Throws MetadataTooLarge, and BAD_REQUEST on headers that are too long or no UTF-8. */
export const factsOfPut = (headers: Headers): NewFacts => {
  const { [manifestHeader]: _swift, ...kept } = readKeptHeaders(headers);
  return {
    contentType: headerText(headers, 'content-type') || typeDefault,
    kept: { ...kept, ...redirectOf(headers) },
    metadata: readMetadata(headers),
    deleteAtSeconds: null,
    ...aclAsked(headers),
    ...tagsOf(headers),
  };
};

const isDirective = (text: string): boolean => text === 'COPY' || text === 'REPLACE';

/** `x-amz-metadata-directive`: the source's, or what the request says. Throws InvalidArgument. */
export const factsOfCopy = (headers: Headers, source: ObjectRow): NewFacts => {
  const directive = headers['x-amz-metadata-directive'] ?? 'COPY';
  const tagDirective = headers['x-amz-tagging-directive'] ?? 'COPY';
  const tags = tagDirective === 'REPLACE' ? { tags: {}, ...tagsOf(headers) } : { tags: source.tags ?? {} };
  if (!isDirective(tagDirective)) throw s3Error('InvalidArgument', 'Unknown tagging directive.');
  if (!isDirective(directive)) throw s3Error('InvalidArgument', 'Unknown metadata directive.');
  if (directive === 'REPLACE') return { ...factsOfPut(headers), ...tags };
  const { contentType, metadata } = source;
  const { [manifestHeader]: _swift, ...kept } = source.kept;
  return { contentType, kept, metadata, deleteAtSeconds: null, ...aclAsked(headers), ...tags };
};

export const quoted = (etag: string): string => `"${etag}"`;

/** Of an object's row as listings show it. */
export const etagOf = (row: ObjectRow): string => quoted(etagShown(row));

/** Of what was just written; one that is not kept beside others has no id to tell. */
export const newVersionHeader = (container: Pick<ContainerRow, 'versions'>, row: ObjectRow) =>
  container.versions === 'suspended' ? {} : versionHeader(container, row);

/** Nothing where the bucket never had versions. */
export const versionHeader = (
  { versions }: Pick<ContainerRow, 'versions'>,
  row: ObjectRow,
  header = 'x-amz-version-id',
): Record<string, string> => (versions ? { [header]: shownVersionId(row) } : {});

export const checksumHeaders = ({ checksum }: Pick<ObjectRow, 'checksum'>): Record<string, string> =>
  checksum
    ? {
        [`x-amz-checksum-${checksum.name.toLowerCase()}`]: checksum.value,
        'x-amz-checksum-type': kindOfValue(checksum.value),
      }
    : {};

/** All that GET, HEAD and 304 tell, but for the length. */
export const objectHeaders = (
  row: ObjectRow,
  thing: Pick<Readable, 'etag' | 'changedAtMs'>,
): Record<string, string> => ({
  'Content-Type': Buffer.from(row.contentType).toString('latin1'),
  ETag: quoted(thing.etag),
  'Last-Modified': httpDate(thing.changedAtMs),
  'Accept-Ranges': 'bytes',
  ...(row.tags && Object.keys(row.tags).length > 0
    ? { 'x-amz-tagging-count': String(Object.keys(row.tags).length) }
    : {}),
  ...storageClassHeader(row),
  ...keptHeaderValues(row.kept),
  ...Object.fromEntries(
    Object.entries(row.metadata).map(([name, value]) => [metadataPrefix + name, headerValue(value)]),
  ),
});
