/** The answer to work on many objects: counts and the failures, by name; always 200, what happened is in the body. */
import { asShoalError, errorTable, type ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { bulkFailuresMax } from '../limits.ts';
import type { Ask } from './ask.ts';
import { type ListingFormat, listingFormat } from './listing-text.ts';

const words: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'Conflict',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  422: 'Unprocessable Entity',
  499: 'Client Disconnect',
  500: 'Internal Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
};
export const statusText = (status: number): string => `${status} ${words[status] ?? 'Error'}`;

export interface Report {
  /** `Number Deleted` and the like, in the order in which they are shown. */
  readonly counts: Record<string, number>;
  readonly errors: [name: string, status: string][];
  /** Why it ended early. */
  status?: string;
  body?: string;
}

export const newReport = (...counts: string[]): Report => ({
  counts: Object.fromEntries(counts.map((name) => [name, 0])),
  errors: [],
});

export const isTooMany = (report: Report): boolean => report.errors.length >= bulkFailuresMax;

export const addFailure = (report: Report, name: string, thrown: unknown): ShoalError => {
  const error = asShoalError(thrown);
  report.errors.push([name, statusText(errorTable[error.code].status)]);
  return error;
};

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const write = (format: ListingFormat, report: Report, status: string): string => {
  const { counts, errors, body = '' } = report;
  if (format === 'json')
    return JSON.stringify({ ...counts, 'Response Status': status, 'Response Body': body, Errors: errors });
  const fields: [string, string][] = [
    ...Object.entries(counts).map(([name, count]): [string, string] => [name, String(count)]),
    ['Response Body', body],
    ['Response Status', status],
  ];
  if (format === 'plain')
    return [
      ...fields.map(([name, text]) => `${name}: ${text}`),
      'Errors:',
      ...errors.map((pair) => pair.join(', ')),
    ].join('\n');
  const tag = (name: string): string => name.toLowerCase().replaceAll(' ', '_');
  const items = errors.map(
    ([name, why]) => `<object><name>${escapeXml(name)}</name><status>${escapeXml(why)}</status></object>`,
  );
  return `<delete>${fields
    .map(([name, text]) => `<${tag(name)}>${escapeXml(text)}</${tag(name)}>`)
    .join('')}<errors>${items.join('')}</errors></delete>`;
};

const types: Readonly<Record<ListingFormat, string>> = {
  plain: 'text/plain',
  json: 'application/json',
  xml: 'text/xml',
};

/** Throws NOT_ACCEPTABLE: call it before the work begins. */
export const reportFormat = ({ headers }: Ask): ListingFormat =>
  listingFormat(new URLSearchParams(), headers.accept);

/** @param ok status in the body when nothing failed. */
export const answerReport = (format: ListingFormat, report: Report, ok = 200): ApiAnswer => ({
  status: 200,
  headers: { 'Content-Type': `${types[format]}; charset=utf-8` },
  body: write(format, report, report.status ?? statusText(report.errors.length > 0 ? 400 : ok)),
});
