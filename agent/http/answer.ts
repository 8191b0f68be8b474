/**
 * Writing an answer. The first piece of a streamed body is fetched before the head leaves, so a source that
 * fails at once still becomes an error status; one that fails later cuts the connection, because a short body
 * with a good end would be a lie.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ShoalError } from '../../proto/error.ts';
import { written } from '../base/written.ts';
import type { ApiAnswer } from './port.ts';

export interface OpenAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Record<string, string | readonly string[]>;
  /** Those that are written otherwise: scripts look for `X-Subject-Token` as the documents have it. */
  readonly names: Readonly<Record<string, string>>;
  readonly whole?: Uint8Array | string;
  readonly rest?: AsyncIterator<Uint8Array>;
}

const isStream = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === 'object' && body !== null && Symbol.asyncIterator in body;

const ownNames = {
  'content-length': 'Content-Length',
  'content-type': 'Content-Type',
  connection: 'Connection',
};

const namesOf = (headers: ApiAnswer['headers']): Record<string, string> => {
  const names: Record<string, string> = { ...ownNames };
  for (const name in headers) names[name.toLowerCase()] = name;
  return names;
};

const shownHeaders = ({ headers, names }: OpenAnswer): Record<string, string | string[]> => {
  const shown: Record<string, string | readonly string[]> = {};
  for (const name in headers) shown[names[name] ?? name] = headers[name] ?? '';
  return shown as Record<string, string | string[]>;
};

/** Node refuses a `content-disposition` beyond ASCII behind a `content-length`, so that one goes first. */
const lowerCase = (headers: ApiAnswer['headers']): Record<string, string | readonly string[]> => {
  const out: Record<string, string | readonly string[]> = {};
  for (const name in headers) out[name.toLowerCase()] = headers[name] ?? '';
  const { 'content-disposition': disposition, ...others } = out;
  return disposition === undefined ? out : { 'content-disposition': disposition, ...others };
};

/** Lets go of the first piece when it is taken: a slow client may take the next one much later. */
const startedWith = (
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncIterator<Uint8Array> => {
  let held: IteratorResult<Uint8Array> | undefined = first;
  return {
    async next() {
      const piece = held;
      held = undefined;
      return piece ?? rest.next();
    },
    async return() {
      await rest.return?.();
      return { done: true, value: undefined };
    },
  };
};

/** Throws what the source of a streamed body throws before its first piece. */
export const openAnswer = async (answer: ApiAnswer, status: number, isHead: boolean): Promise<OpenAnswer> => {
  const headers = lowerCase(answer.headers);
  const names = namesOf(answer.headers);
  const { body } = answer;
  const empty = status === 204 || status === 304;
  if (body === undefined || body === null || empty) {
    if (!empty && !isHead) headers['content-length'] = '0';
    return { status, headers, names };
  }
  if (isStream(body)) {
    const iterator = body[Symbol.asyncIterator]();
    if (isHead) {
      await iterator.return?.();
      return { status, headers, names };
    }
    const first = await iterator.next();
    if (!first.done) return { status, headers, names, rest: startedWith(first, iterator) };
    headers['content-length'] ??= '0';
    return { status, headers, names };
  }
  const isBytes = body instanceof Uint8Array;
  const whole =
    isBytes || (typeof body === 'string' && headers['content-type']) ? body : JSON.stringify(body);
  headers['content-type'] ??= isBytes ? 'application/octet-stream' : 'application/json';
  headers['content-length'] ??= String(Buffer.byteLength(whole as string | Uint8Array));
  return isHead
    ? { status, headers, names }
    : { status, headers, names, whole: whole as string | Uint8Array };
};

/** Resolves when all is handed to the socket. Throws the error of a body's source after cutting the connection. */
export const sendAnswer = async (
  raw: IncomingMessage,
  reply: ServerResponse,
  answer: OpenAnswer,
): Promise<void> => {
  const { rest } = answer;
  if (reply.destroyed || raw.socket.destroyed) {
    await rest?.return?.();
    return;
  }
  reply.writeHead(answer.status, shownHeaders(answer));
  if (!rest) {
    // Bytes: with a text node would write the head in the text's encoding, and spoil what is not ASCII in it.
    reply.end(typeof answer.whole === 'string' ? Buffer.from(answer.whole) : answer.whole);
    return;
  }
  try {
    for (let piece = await rest.next(); !piece.done; piece = await rest.next()) {
      await written(reply, piece.value);
      if (reply.destroyed) throw new ShoalError('ABORTED', 'Cannot send the body on: the client went away');
    }
    reply.end();
  } catch (error) {
    reply.destroy();
    await rest.return?.();
    throw error;
  }
};
