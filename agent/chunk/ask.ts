/** The small questions between owners, typed on both sides. */
import type { Static } from 'typebox';
import type { HostId } from '../../proto/ids.ts';
import { chunkMethods, parseMessage } from '../../proto/message/chunk.ts';
import type { Rpc } from '../peer/port.ts';
import { askTimeoutMs } from './limits.ts';

type Methods = typeof chunkMethods;
type Request<M extends keyof Methods> = Static<Methods[M]['request']>;
type Answer<M extends keyof Methods> = Static<Methods[M]['answer']>;

/** Throws what `Rpc.request` throws, BAD_REQUEST when the answer is not one. */
export type Ask = <M extends keyof Methods>(
  to: HostId,
  name: M,
  request: Request<M>,
  signal?: AbortSignal,
) => Promise<Answer<M>>;

/** Copies and stripes have the same questions under names of their own. */
export type AskedOf = 'chunk' | 'stripe';
const methodOf = (of: AskedOf, name: keyof Methods): string => `${of}.${name}`;

export const askOver =
  (rpc: Rpc, of: AskedOf = 'chunk'): Ask =>
  async (to, name, request, signal) => {
    const { answer } = chunkMethods[name];
    const method = methodOf(of, name);
    const body = await rpc.request(to, method, request, {
      timeoutMs: askTimeoutMs,
      ...(signal ? { signal } : {}),
    });
    return parseMessage(`answer to ${method}`, answer, body) as never;
  };

export const answerOver =
  (rpc: Rpc, of: AskedOf = 'chunk') =>
  <M extends keyof Methods>(
    name: M,
    handler: (request: Request<M>, from: HostId) => Promise<Answer<M>>,
  ): void => {
    const { request } = chunkMethods[name];
    const method = methodOf(of, name);
    rpc.handle(method, (from, body) => handler(parseMessage(method, request, body) as never, from));
  };
