/**
 * `?heartbeat=on`: the answer begins at once, 202, and a blank goes out now and then while the work is done, so that
 * nobody on the way gives up on it. What became of it is told in the body, behind an empty line.
 */
import { asShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { Context } from '../context.ts';
import type { Fault } from '../large-object.ts';
import { heartbeatMs } from '../limits.ts';
import { type Ask, isTrue } from './ask.ts';
import { statusText } from './bulk-report.ts';
import { type ListingFormat, listingFormat } from './listing-text.ts';

export const wantsHeartbeat = ({ query }: Ask): boolean => isTrue(query.get('heartbeat'));

/** JSON where it is liked best, else plain text, whatever `Accept` says. */
const formatOf = ({ headers }: Ask): ListingFormat => {
  try {
    return listingFormat(new URLSearchParams(), headers.accept) === 'json' ? 'json' : 'plain';
  } catch {
    return 'plain';
  }
};

const types = {
  plain: 'text/plain; charset=utf-8',
  json: 'application/json; charset=utf-8',
  xml: '',
} as const;

const write = (format: ListingFormat, fields: Record<string, string>, faults: readonly Fault[]): string => {
  if (format === 'json') return JSON.stringify({ ...fields, Errors: faults });
  const lines = Object.keys(fields)
    .sort()
    .map((name) => `${name}: ${fields[name]}\n`);
  return [...lines, 'Errors:\n', ...faults.map((fault) => `${fault.join(', ')}\n`)].join('');
};

/** Swift's sentences for what goes wrong with a manifest. */
const sentences: Readonly<Record<number, string>> = {
  400: 'The server could not comply with the request since it is either malformed or otherwise incorrect.',
  422: 'Unable to process the contained instructions',
};

export const faultsOf = (thrown: unknown): readonly Fault[] => {
  const { faults } = asShoalError(thrown).details;
  return Array.isArray(faults) ? faults : [];
};

/** The refusal of a manifest, each of its faults. Undefined: it is refused for something else. */
export const faultsAnswer = (request: Ask, thrown: unknown): ApiAnswer | undefined => {
  const faults = faultsOf(thrown);
  if (faults.length === 0) return undefined;
  const format = formatOf(request);
  return { status: 400, headers: { 'Content-Type': types[format] }, body: write(format, {}, faults) };
};

const told = (format: ListingFormat, { status = 200, headers = {} }: ApiAnswer): string =>
  write(
    format,
    {
      'Response Status': statusText(status),
      'Response Body': '',
      ...(headers.ETag === undefined ? {} : { Etag: String(headers.ETag) }),
      ...(headers['Last-Modified'] === undefined
        ? {}
        : { 'Last Modified': String(headers['Last-Modified']) }),
    },
    [],
  );

const refused = (format: ListingFormat, thrown: unknown): string => {
  const { status, message } = asShoalError(thrown);
  const text = statusText(status);
  const why = `${text.slice('400 '.length)}\n${sentences[status] ?? message}`;
  return write(format, { 'Response Status': text, 'Response Body': why }, faultsOf(thrown));
};

export const beating = (
  { runtime }: Pick<Context, 'runtime'>,
  request: Ask,
  work: () => Promise<ApiAnswer>,
): ApiAnswer => {
  const format = formatOf(request);
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(' ');
    const over = new AbortController();
    const done = work().then(
      (answer) => told(format, answer),
      (thrown) => refused(format, thrown),
    );
    for (;;) {
      const beat = runtime.timers.sleep(heartbeatMs, over.signal).catch(() => undefined);
      const text = await Promise.race([done, beat]);
      if (text === undefined) yield Buffer.from(' ');
      else {
        over.abort();
        yield Buffer.from(`\r\n\r\n${text}`);
        return;
      }
    }
  }
  return { status: 202, headers: { 'Content-Type': types[format] }, body: body() };
};
