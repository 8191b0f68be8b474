/** Containers over HTTP. */
import { ShoalError } from '../../proto/error.ts';
import type { ApiAnswer, ApiRequest } from '../http/port.ts';
import { checkAccess, isOwner } from './access.ts';
import { parseAccessList } from './access-list.ts';
import { asked, type Context, isTrue, openContainer, queryText, readLimit, record } from './context.ts';
import { listingNamesMax } from './limits.ts';
import { type ListingItem, listingFormat, listingText, listingType } from './listing-text.ts';
import { headerText, headerValue, mergeMetadata, metadataHeaders } from './metadata.ts';
import { walkObjects } from './object-listing.ts';
import { checkPolicyName, policyName } from './policy.ts';
import { checkQuotaValues } from './quota.ts';
import type { ContainerRow, ObjectRow } from './records.ts';
import { httpDate, listingTime, timestampText } from './time.ts';
import type { Step, WalkOptions } from './walk.ts';

const textHtml = { 'Content-Type': 'text/html; charset=UTF-8' };

/** Asked for but not served: better said than kept and not done. */
const unserved = [
  'x-versions-location',
  'x-history-location',
  'x-versions-enabled',
  'x-container-sync-to',
  'x-container-sync-key',
];

const changeOf =
  (request: ApiRequest) =>
  (old: ContainerRow | undefined): Partial<ContainerRow> => {
    const { headers } = request;
    const metadata = mergeMetadata('container', old?.metadata ?? {}, headers);
    checkQuotaValues(metadata);
    const list = (name: 'Read' | 'Write', before: string): string => {
      if (headers[`x-remove-container-${name.toLowerCase()}`] !== undefined) return '';
      const text = headerText(headers, `x-container-${name.toLowerCase()}`);
      return text === undefined ? before : parseAccessList(`X-Container-${name}`, text);
    };
    return {
      metadata,
      readList: list('Read', old?.readList ?? ''),
      writeList: list('Write', old?.writeList ?? ''),
    };
  };

const refuseUnservedHeaders = (request: ApiRequest): void => {
  for (const name of unserved)
    if (request.headers[name])
      throw new ShoalError('NOT_IMPLEMENTED', `Cannot take the header ${name}: it is not served yet`);
};

export const createContainer = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  checkAccess('writeContainer', path.project, caller);
  checkPolicyName(headerText(request.headers, 'x-storage-policy'));
  refuseUnservedHeaders(request);
  const { created } = await context.containers.create(path.project, path.container, changeOf(request));
  record(context, request, created ? 'container.create' : 'container.update', path);
  return { status: created ? 201 : 202, headers: textHtml };
};

export const updateContainer = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  checkAccess('writeContainer', path.project, caller);
  refuseUnservedHeaders(request);
  await context.containers.update(path.project, path.container, changeOf(request));
  record(context, request, 'container.update', path);
  return { headers: textHtml };
};

export const deleteContainer = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  checkAccess('writeContainer', path.project, caller);
  const id = await context.containers.delete(path.project, path.container);
  record(context, request, 'container.delete', path);
  // The container is gone whatever happens here; what stays costs room only.
  await context.objects
    .clear(id)
    .catch((thrown) =>
      context.runtime.log.warn('expired objects not cleared', { id, error: String(thrown) }),
    );
  return { headers: textHtml };
};

const containerHeaders = async (
  context: Context,
  row: ContainerRow,
  owner: boolean,
): Promise<Record<string, string>> => {
  const [tally] = await context.containers.tallies([row]);
  return {
    'X-Container-Object-Count': String(tally?.rows ?? 0),
    'X-Container-Bytes-Used': String(tally?.weight ?? 0),
    'X-Timestamp': timestampText(row.createdAtMs),
    'Last-Modified': httpDate(row.changedAtMs),
    'X-Storage-Policy': policyName,
    'Accept-Ranges': 'bytes',
    ...metadataHeaders('container', row.metadata),
    ...(owner && row.readList !== '' ? { 'X-Container-Read': headerValue(row.readList) } : {}),
    ...(owner && row.writeList !== '' ? { 'X-Container-Write': headerValue(row.writeList) } : {}),
  };
};

export const headContainer = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  const row = await openContainer(context, 'readContainer', path, caller);
  const format = listingFormat(request.query, request.headers.accept);
  const headers = await containerHeaders(context, row, isOwner(caller.principal, path.project));
  return { headers: { ...headers, 'Content-Type': listingType[format] } };
};

const itemOf = (step: Step<ObjectRow>): ListingItem =>
  step.kind === 'folder'
    ? { subdir: step.name }
    : {
        name: step.name,
        hash: step.row.md5,
        bytes: step.row.bytes,
        content_type: step.row.contentType,
        last_modified: listingTime(step.row.changedAtMs),
      };

const walkOptions = (query: URLSearchParams): WalkOptions => {
  const names = { prefix: 'prefix', delimiter: 'delimiter', marker: 'marker', endMarker: 'end_marker' };
  const given = Object.entries(names).flatMap(([key, name]) => {
    const value = queryText(query, name);
    return value === undefined ? [] : [[key, value] as const];
  });
  const path = query.get('path');
  return {
    ...Object.fromEntries(given),
    ...(path === null ? {} : { path }),
    reverse: isTrue(query.get('reverse')),
  };
};

export const listObjects = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  const row = await openContainer(context, 'readContainer', path, caller);
  const format = listingFormat(request.query, request.headers.accept);
  const limit = readLimit(request.query, listingNamesMax);
  const items: ListingItem[] = [];
  if (limit > 0)
    for await (const step of walkObjects(
      { records: context.records, clock: context.runtime.clock },
      row.id,
      walkOptions(request.query),
    )) {
      items.push(itemOf(step));
      if (items.length >= limit) break;
    }
  const headers = {
    ...(await containerHeaders(context, row, isOwner(caller.principal, path.project))),
    'Content-Type': listingType[format],
  };
  if (items.length === 0 && format === 'plain') return { status: 204, headers };
  return { headers, body: listingText(format, { element: 'container', name: path.container }, items) };
};
