/** A listing as plain text, JSON or XML. */
import { ShoalError } from '../../../proto/error.ts';

export type ListingFormat = 'plain' | 'json' | 'xml';

const formatOf: Readonly<Record<string, ListingFormat>> = {
  'text/plain': 'plain',
  'application/json': 'json',
  'application/xml': 'xml',
  'text/xml': 'xml',
};

export const listingType: Readonly<Record<ListingFormat, string>> = {
  plain: 'text/plain; charset=utf-8',
  json: 'application/json; charset=utf-8',
  xml: 'application/xml; charset=utf-8',
};

/** The best that `Accept` takes, in the order plain, JSON, XML where it does not mind. */
const accepted = (accept: string): ListingFormat | undefined => {
  let best: { readonly format: ListingFormat; readonly quality: number } | undefined;
  for (const item of accept.split(',')) {
    const [range = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = q === undefined ? 1 : Number(q.slice(2));
    if (!(quality > 0)) continue;
    const type = Object.keys(formatOf).find(
      (name) =>
        range === name || range === '*/*' || (range.endsWith('/*') && name.startsWith(range.slice(0, -1))),
    );
    const format = type === undefined ? undefined : formatOf[type];
    if (format && quality > (best?.quality ?? 0)) best = { format, quality };
  }
  return best?.format;
};

/** `format=` wins over `Accept`; an unknown one means plain, as in Swift. Throws NOT_ACCEPTABLE. */
export const listingFormat = (query: URLSearchParams, accept: string | undefined): ListingFormat => {
  const asked = query.get('format')?.toLowerCase();
  if (asked) return asked === 'json' || asked === 'xml' ? asked : 'plain';
  const format = accepted(accept || '*/*');
  if (format) return format;
  throw new ShoalError(
    'NOT_ACCEPTABLE',
    `Cannot list as ${JSON.stringify(accept)}: text/plain, application/json and application/xml are served`,
  );
};

/** Nothing said, or said that it is taken. */
export const acceptsJson = (accept: string | undefined): boolean =>
  !accept || /(^|[\s,])(\*\/\*|application\/(json|\*))/i.test(accept);

/** What Swift's XML tells of an object; the rest is JSON's. */
const xmlFields = ['name', 'hash', 'bytes', 'content_type', 'last_modified', 'count', 'storage_policy'];

/** Field names as JSON shows them; a folder has the one field `subdir`. */
export type ListingItem =
  | { readonly subdir: string }
  | ({ readonly name: string } & Readonly<Record<string, string | number | boolean>>);

const escapeXml = (value: string | number | boolean): string =>
  String(value)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

const xmlItem = (element: string, item: ListingItem): string => {
  if ('subdir' in item && typeof item.subdir === 'string') {
    const name = escapeXml(item.subdir);
    return `<subdir name="${name}"><name>${name}</name></subdir>`;
  }
  const fields = Object.entries(item)
    .filter(([name]) => xmlFields.includes(name))
    .map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
  return `<${element}>${fields.join('')}</${element}>`;
};

/** `of` is the account or container that is listed. */
export const listingText = (
  format: ListingFormat,
  of: { readonly element: 'account' | 'container'; readonly name: string },
  items: readonly ListingItem[],
): string => {
  if (format === 'json') return JSON.stringify(items);
  if (format === 'plain')
    return items.map((item) => `${'subdir' in item ? item.subdir : item.name}\n`).join('');
  const inner = of.element === 'account' ? 'container' : 'object';
  const body = items.map((item) => xmlItem(inner, item)).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${of.element} name="${escapeXml(of.name)}">${body}</${of.element}>`;
};
