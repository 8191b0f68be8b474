/** Accounts: one for each project, there from the start. */
import { ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { isReseller } from '../access.ts';
import { defaultDomain } from '../access-list.ts';
import { parseAccountList } from '../account-list.ts';
import { accountSums } from '../account-sums.ts';
import type { NamedContainer } from '../containers.ts';
import { authorize, type Context, isTrusted } from '../context.ts';
import { listingNamesMax } from '../limits.ts';
import { headerText, headerValue, mergeMetadata, metadataHeaders } from '../metadata.ts';
import { accountOf } from '../name.ts';
import { policyNames, policyOf } from '../policy.ts';
import { changeQuotas, checkQuotaValues, quotasAsked, quotasOf } from '../quota.ts';
import { accountKey } from '../records.ts';
import { listingTime, timestampText } from '../time.ts';
import { type Ask, type Asked, asked, isTrue, queryText, readLimit, record } from './ask.ts';
import { archiveAsked, bulkUpload } from './bulk-upload.ts';
import { type ListingItem, listingFormat, listingText, listingType } from './listing-text.ts';

/** Keys that let their holder in: for the owner's eyes. */
const secretMetadata = /^temp-url-key(-2)?$/;

const accountHeaders = async (context: Context, { path, caller }: Asked): Promise<Record<string, string>> => {
  const [row, sums, domain, trusted] = await Promise.all([
    context.records.accounts.get(path.project, accountKey),
    accountSums(context.containers, path.project),
    context.domainOf(path.project),
    isTrusted(context, path.project, caller),
  ]);
  const shown = Object.entries(row?.metadata ?? {}).filter(([name]) => trusted || !secretMetadata.test(name));
  const policyHeaders = [...sums.byPolicy].flatMap(([policy, { containers, objects, bytes }]) => {
    const prefix = `X-Account-Storage-Policy-${policy}`;
    return [
      [`${prefix}-Container-Count`, String(containers)],
      [`${prefix}-Object-Count`, String(objects)],
      [`${prefix}-Bytes-Used`, String(bytes)],
    ];
  });
  return {
    'X-Account-Container-Count': String(sums.containers),
    'X-Account-Object-Count': String(sums.objects),
    'X-Account-Bytes-Used': String(sums.bytes),
    ...Object.fromEntries(policyHeaders),
    ...(row
      ? Object.fromEntries(Object.entries(quotasOf(row)).map(([name, value]) => [`X-Account-${name}`, value]))
      : {}),
    // Names in lists mean somebody in the default domain alone: said where it is another one, as Swift does.
    ...(domain === undefined || domain === defaultDomain ? {} : { 'X-Account-Project-Domain-Id': domain }),
    'X-Timestamp': timestampText(row?.createdAtMs ?? 0),
    'Accept-Ranges': 'bytes',
    ...metadataHeaders('account', Object.fromEntries(shown)),
    ...(trusted && row?.accessList
      ? { 'X-Account-Access-Control': headerValue(JSON.stringify(row.accessList)) }
      : {}),
  };
};

export const headAccount = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const ask = asked(request);
  await authorize(context, 'readAccount', ask.path, ask.caller);
  const format = listingFormat(request.query, request.headers.accept);
  return { headers: { ...(await accountHeaders(context, ask)), 'Content-Type': listingType[format] } };
};

const endsWithin = (prefix: string, delimiter: string, name: string): string | undefined => {
  const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
  return at === -1 ? undefined : name.slice(0, at + delimiter.length);
};

/** At most `limit` names and folders of names. A project has few containers: folders are not skipped ahead. */
const pick = async (
  names: AsyncIterable<NamedContainer>,
  { prefix, delimiter, marker, limit }: { prefix: string; delimiter: string; marker: string; limit: number },
): Promise<readonly (NamedContainer | { readonly subdir: string })[]> => {
  const picked: (NamedContainer | { readonly subdir: string })[] = [];
  let folder: string | undefined;
  if (limit === 0) return picked;
  for await (const container of names) {
    const within = endsWithin(prefix, delimiter, container.name);
    if (within === undefined) picked.push(container);
    else if (within !== folder && within !== marker) picked.push({ subdir: within });
    folder = within;
    if (picked.length >= limit) break;
  }
  return picked;
};

export const listContainers = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const ask = asked(request);
  const { path, caller } = ask;
  await authorize(context, 'readAccount', path, caller);
  const { query } = request;
  const format = listingFormat(query, request.headers.accept);
  const [marker, endMarker] = [queryText(query, 'marker'), queryText(query, 'end_marker')];
  const prefix = queryText(query, 'prefix') ?? '';
  const picked = await pick(
    context.containers.walk(path.project, {
      ...(marker ? { marker } : {}),
      ...(endMarker ? { endMarker } : {}),
      prefix,
      reverse: isTrue(query.get('reverse')),
    }),
    {
      prefix,
      delimiter: queryText(query, 'delimiter') ?? '',
      marker: marker ?? '',
      limit: readLimit(query, listingNamesMax),
    },
  );
  const headers = { ...(await accountHeaders(context, ask)), 'Content-Type': listingType[format] };
  if (picked.length === 0 && format === 'plain') return { status: 204, headers };
  const rows = picked.filter((item): item is NamedContainer => 'id' in item);
  const tallies = format === 'plain' ? [] : await context.containers.tallies(rows);
  let at = 0;
  const items = picked.map((item): ListingItem => {
    if (!('id' in item)) return item;
    const tally = tallies[at++];
    return {
      name: item.name,
      count: tally?.rows ?? 0,
      bytes: tally?.weight ?? 0,
      last_modified: listingTime(item.createdAtMs),
      storage_policy: policyOf(item),
    };
  });
  return { headers, body: listingText(format, { element: 'account', name: accountOf(path.project) }, items) };
};

export const updateAccount = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  await authorize(context, 'writeAccount', path, caller);
  const quotas = quotasAsked(request.headers, policyNames(context.codes()));
  if (Object.keys(quotas).length > 0 && !isReseller(caller.principal))
    throw new ShoalError('FORBIDDEN', 'Cannot set the quota of an account: it takes the role ResellerAdmin');
  const atMs = context.runtime.clock.wallMs();
  const list = headerText(request.headers, 'x-account-access-control');
  await context.records.accounts.change(path.project, accountKey, (old) => {
    const metadata = mergeMetadata('account', old?.metadata ?? {}, request.headers);
    checkQuotaValues(metadata);
    const accessList = list === undefined ? old?.accessList : parseAccountList(list);
    const bounds = changeQuotas({ metadata, quotas: old?.quotas }, quotas);
    return { createdAtMs: old?.createdAtMs ?? atMs, accessList, ...bounds };
  });
  record(context, request, 'account.update', { ...path, container: '', object: '' });
  return { headers: { 'Content-Type': 'text/html; charset=UTF-8' } };
};

/** As Swift answers without `allow_account_management`. */
const refuseAccountChange = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  await authorize(context, 'writeAccount', path, caller);
  throw new ShoalError(
    'METHOD_NOT_ALLOWED',
    `Cannot ${request.method} an account: it comes with its project`,
    {
      details: { allow: ['GET', 'HEAD', 'POST'] },
    },
  );
};

/** PUT. With `?extract-archive` it stands for all containers that the archive names. */
export const createAccount = (context: Context, request: Ask): Promise<ApiAnswer> => {
  const kind = archiveAsked(request);
  return kind ? bulkUpload(context, request, kind) : refuseAccountChange(context, request);
};

export const deleteAccount = refuseAccountChange;
