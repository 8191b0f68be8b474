/** ListObjects and ListObjectsV2. */
import type { ApiAnswer } from '../../http/port.ts';
import { untilMsOf } from '../kept-listings.ts';
import { walkObjects } from '../object-listing.ts';
import type { ContainerRow, ObjectRow } from '../records.ts';
import type { Step } from '../walk.ts';
import type { S3Ask, S3Context } from './ask.ts';
import { ownerXml, timeText, xmlAnswer } from './bucket.ts';
import { openBucket } from './bucket-access.ts';
import { etagOf } from './facts.ts';
import { keysMax } from './limits.ts';
import { ownerOf } from './object-owner.ts';
import { s3Error } from './s3-error.ts';
import { storageClassOf } from './storage-class.ts';
import { element, optional, root, type Xml } from './xml.ts';

export const invalid = (name: string, value: string, why: string) =>
  s3Error('InvalidArgument', why, { fields: { ArgumentName: name, ArgumentValue: value } });

/** Throws InvalidArgument. More than there may be is as many as there may be. */
export const countAsked = (query: URLSearchParams, name: string, max: number): number => {
  const text = query.get(name) ?? '';
  if (text === '') return max;
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2 ** 31 - 1)
    throw invalid(name, text, `Provided ${name} not an integer or within integer range`);
  return Math.min(max, Number(text));
};

/** How names are written: as they are, or percent-encoded where XML cannot say them. Throws InvalidArgument. */
export const nameWriter = (query: URLSearchParams): ((name: string) => string) => {
  const encoding = query.get('encoding-type');
  if (encoding === null || encoding === '') return (name) => name;
  if (encoding !== 'url')
    throw invalid('encoding-type', encoding, 'Invalid Encoding Method specified in Request');
  return (name) => encodeURIComponent(name).replaceAll('%2F', '/');
};

/** A page of names and folders. `next`: the last of them, where more follows. */
export interface ListPage {
  readonly contents: readonly (Step<ObjectRow> & { readonly kind: 'name' })[];
  readonly folders: readonly string[];
  readonly next: string | undefined;
  /** When the first of what it goes by expires. */
  readonly untilMs: number;
}

const listPage = async (
  { records, runtime }: S3Context,
  container: Parameters<typeof walkObjects>[1],
  wanted: {
    readonly prefix: string;
    readonly delimiter: string;
    readonly marker: string;
    readonly max: number;
  },
): Promise<ListPage> => {
  const contents: (Step<ObjectRow> & { readonly kind: 'name' })[] = [];
  const folders: string[] = [];
  const rows: ObjectRow[] = [];
  const { max, ...range } = wanted;
  let last: string | undefined;
  let next: string | undefined;
  if (max > 0)
    for await (const step of walkObjects({ records, clock: runtime.clock }, container, {
      ...range,
      rows: max + 1,
    })) {
      rows.push(step.row);
      if (contents.length + folders.length >= max) {
        next = last;
        break;
      }
      if (step.kind === 'name') contents.push(step);
      else folders.push(step.name);
      last = step.name;
    }
  return { contents, folders, next, untilMs: untilMsOf(rows) };
};

/** Opaque to clients. */
const tokenOf = (name: string): string => Buffer.from(name).toString('base64url');
const nameOfToken = (token: string): string => {
  const name = Buffer.from(token, 'base64url').toString();
  if (token === '' || tokenOf(name) !== token)
    throw invalid('continuation-token', token, 'The continuation token provided is incorrect');
  return name;
};

const answerPage = async (
  context: S3Context,
  container: ContainerRow,
  query: URLSearchParams,
  wanted: Parameters<typeof listPage>[2],
  xmlOf: (page: ListPage) => string,
): Promise<ApiAnswer> => {
  // Whose objects are is told as the bucket's ownership has it.
  const key = `s3 ${container.bucket?.ownership} ${query}`;
  const { body } = await context.keptListings.listing(container, key, async () => {
    const page = await listPage(context, container, wanted);
    const { contents, folders, untilMs } = page;
    return { body: Buffer.from(xmlOf(page)), count: contents.length + folders.length, untilMs };
  });
  return xmlAnswer(body);
};

const contentsXml = (
  { contents, folders }: ListPage,
  write: (name: string) => string,
  ownerXmlOf: (row: ObjectRow) => Xml | undefined,
): Xml[] => [
  ...contents.map(({ name, row }) =>
    element('Contents', [
      element('Key', write(name)),
      element('LastModified', timeText(row.changedAtMs)),
      element('ETag', etagOf(row)),
      ...(row.checksum ? [element('ChecksumAlgorithm', row.checksum.name)] : []),
      element('Size', row.large?.bytes ?? row.link?.fixed?.bytes ?? row.bytes),
      ownerXmlOf(row),
      element('StorageClass', storageClassOf(row)),
    ]),
  ),
  ...folders.map((folder) => element('CommonPrefixes', [element('Prefix', write(folder))])),
];

const listAction = { name: 's3:ListBucket', use: 'readContainer' } as const;

export const listObjects = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { query } = ask;
  const { project, row, name } = await openBucket(context, ask, listAction);
  const write = nameWriter(query);
  const max = countAsked(query, 'max-keys', keysMax);
  const [prefix, delimiter, marker] = ['prefix', 'delimiter', 'marker'].map(
    (field) => query.get(field) ?? '',
  ) as [string, string, string];
  return answerPage(context, row, query, { prefix, delimiter, marker, max }, (page) =>
    root('ListBucketResult', [
      element('Name', name),
      element('Prefix', write(prefix)),
      element('Marker', write(marker)),
      // Without a delimiter clients go on from the last key.
      optional('NextMarker', delimiter !== '' && page.next !== undefined ? write(page.next) : undefined),
      element('MaxKeys', max),
      optional('Delimiter', delimiter === '' ? undefined : write(delimiter)),
      optional('EncodingType', query.get('encoding-type') || undefined),
      element('IsTruncated', page.next !== undefined),
      ...contentsXml(page, write, (one) => ownerXml(ownerOf(one, row.bucket, project))),
    ]),
  );
};

export const listObjectsV2 = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { query } = ask;
  const { project, row, name } = await openBucket(context, ask, listAction);
  const write = nameWriter(query);
  const max = countAsked(query, 'max-keys', keysMax);
  const [prefix, delimiter, startAfter] = ['prefix', 'delimiter', 'start-after'].map(
    (field) => query.get(field) ?? '',
  ) as [string, string, string];
  const token = query.get('continuation-token') ?? undefined;
  const marker = token === undefined ? startAfter : nameOfToken(token);
  const owner = (one: ObjectRow): Xml | undefined =>
    query.get('fetch-owner') === 'true' ? ownerXml(ownerOf(one, row.bucket, project)) : undefined;
  return answerPage(context, row, query, { prefix, delimiter, marker, max }, (page) =>
    root('ListBucketResult', [
      element('Name', name),
      element('Prefix', write(prefix)),
      optional('StartAfter', startAfter === '' ? undefined : write(startAfter)),
      optional('ContinuationToken', token),
      optional('NextContinuationToken', page.next === undefined ? undefined : tokenOf(page.next)),
      element('KeyCount', page.contents.length + page.folders.length),
      element('MaxKeys', max),
      optional('Delimiter', delimiter === '' ? undefined : write(delimiter)),
      optional('EncodingType', query.get('encoding-type') || undefined),
      element('IsTruncated', page.next !== undefined),
      ...contentsXml(page, write, owner),
    ]),
  );
};
