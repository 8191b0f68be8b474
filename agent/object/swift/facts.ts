/** What the headers of a PUT, POST or COPY say about an object. */
import type { IncomingHttpHeaders } from 'node:http';
import { ShoalError } from '../../../proto/error.ts';
import type { Context } from '../context.ts';
import { headerValueBytesMax } from '../limits.ts';
import {
  headerText,
  keptHeaderValues,
  type Metadata,
  manifestHeader,
  metadataHeaders,
  readKeptHeaders,
  readMetadata,
} from '../metadata.ts';
import { parseManifest } from '../name.ts';
import type { NewFacts } from '../objects.ts';
import type { Readable } from '../readable.ts';
import { isJoined, type ObjectRow } from '../records.ts';
import { httpDate, timestampText } from '../time.ts';
import { shownVersionId } from '../versions.ts';
import { type Ask, isTrue } from './ask.ts';
import { typeOfName } from './content-type.ts';

const refuse = (message: string): never => {
  throw new ShoalError('BAD_REQUEST', message);
};

/** What lies behind it is put there, as in Swift, whose timestamps have ten digits. */
const deleteAtSecondsMax = 9_999_999_999;

/** Seconds since 1970; null: never. Throws BAD_REQUEST on what is no number or lies in the past. */
const readDeleteAt = (headers: IncomingHttpHeaders, nowMs: number): number | null => {
  const whole = (name: string): number | undefined => {
    const value = headerText(headers, name);
    if (value === undefined || value === '') return undefined;
    if (!/^\d+$/.test(value))
      refuse(`Non-integer ${name === 'x-delete-at' ? 'X-Delete-At' : 'X-Delete-After'}`);
    return Number(value);
  };
  const kept = (seconds: number): number => Math.min(seconds, deleteAtSecondsMax);
  const after = whole('x-delete-after');
  if (after === 0) refuse('X-Delete-After in past');
  if (after !== undefined) return kept(Math.floor(nowMs / 1000) + after);
  const at = whole('x-delete-at');
  if (at !== undefined && at * 1000 <= nowMs) refuse('X-Delete-At in past');
  return at === undefined ? null : kept(at);
};

const readContentType = (headers: IncomingHttpHeaders): string | undefined => {
  const type = headerText(headers, 'content-type');
  if (type === undefined || type === '') return undefined;
  if (Buffer.byteLength(type) > headerValueBytesMax)
    refuse(`Content-Type longer than ${headerValueBytesMax}`);
  return type;
};

const readKept = (headers: IncomingHttpHeaders): Metadata => {
  const kept = readKeptHeaders(headers);
  const manifest = kept[manifestHeader];
  if (manifest !== undefined) parseManifest(manifest);
  return kept;
};

export const factsOfPut = (
  headers: IncomingHttpHeaders,
  nowMs: number,
  contentType = 'application/octet-stream',
): NewFacts => ({
  contentType: readContentType(headers) ?? contentType,
  kept: readKept(headers),
  metadata: readMetadata('object', headers),
  deleteAtSeconds: readDeleteAt(headers, nowMs),
});

/** Without a type, or told to look (`X-Detect-Content-Type`), the name's ending says it. */
export const putFacts = async (
  { runtime }: Pick<Context, 'runtime'>,
  { headers }: Ask,
  name: string,
  contentType = typeOfName(name),
): Promise<NewFacts> => {
  const { 'content-type': given, ...others } = headers;
  const detects = isTrue(headerText(headers, 'x-detect-content-type'));
  return factsOfPut(detects || !given ? others : headers, runtime.clock.wallMs(), contentType);
};

/** All but the type is replaced by what the request says, even by nothing. */
export const factsOfPost = (headers: IncomingHttpHeaders, nowMs: number, old: ObjectRow): NewFacts => ({
  ...factsOfPut(headers, nowMs),
  contentType: readContentType(headers) ?? old.contentType,
});

/** The source's, with the request's on top; `X-Fresh-Metadata: true` leaves the source's own behind. */
export const factsOfCopy = (headers: IncomingHttpHeaders, nowMs: number, source: ObjectRow): NewFacts => {
  const fresh = isTrue(headerText(headers, 'x-fresh-metadata'));
  const base: Metadata = fresh ? {} : source.metadata;
  return {
    contentType: readContentType(headers) ?? source.contentType,
    kept: { ...(fresh ? {} : source.kept), ...readKept(headers) },
    metadata: { ...base, ...readMetadata('object', headers) },
    deleteAtSeconds: readDeleteAt(headers, nowMs) ?? (fresh ? null : source.deleteAtSeconds),
  };
};

/** An ETag of a large object is no MD5 of its bytes, and stands in quotes as Swift shows it. */
export const etagOf = ({ large, md5 }: ObjectRow): string => (large ? `"${large.etag}"` : md5);

/** ETag, Last-Modified and all that GET, HEAD and 304 tell, but for the length. */
export const factHeaders = (
  row: ObjectRow,
  { etag, isLarge, changedAtMs }: Pick<Readable, 'etag' | 'isLarge' | 'changedAtMs'> = {
    etag: row.md5,
    isLarge: false,
    changedAtMs: row.changedAtMs,
  },
): Record<string, string> => ({
  'Content-Type': Buffer.from(row.contentType).toString('latin1'),
  ETag: isLarge || isJoined(row) ? `"${etag}"` : etag,
  'Last-Modified': httpDate(changedAtMs),
  'X-Timestamp': timestampText(row.changedAtMs),
  'Accept-Ranges': 'bytes',
  ...keptHeaderValues(row.kept),
  ...metadataHeaders('object', row.metadata),
  // Not one of Swift's: said so that its clients take the ETag for no MD5.
  ...(!isLarge && isJoined(row) ? { 'X-Static-Large-Object': 'False' } : {}),
  ...(isLarge && row.large ? { 'X-Static-Large-Object': 'True', 'X-Manifest-Etag': row.md5 } : {}),
  ...(row.versionId === undefined ? {} : { 'X-Object-Version-Id': shownVersionId(row) }),
  ...(row.deleteAtSeconds === null ? {} : { 'X-Delete-At': String(row.deleteAtSeconds) }),
});
