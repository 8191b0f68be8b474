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

export const askOver =
  (rpc: Rpc): Ask =>
  async (to, name, request, signal) => {
    const { method, answer } = chunkMethods[name];
    const body = await rpc.request(to, method, request, {
      timeoutMs: askTimeoutMs,
      ...(signal ? { signal } : {}),
    });
    return parseMessage(`answer to ${method}`, answer, body) as never;
  };

export const answerOver =
  (rpc: Rpc) =>
  <M extends keyof Methods>(
    name: M,
    handler: (request: Request<M>, from: HostId) => Promise<Answer<M>>,
  ): void => {
    const { method, request } = chunkMethods[name];
    rpc.handle(method, (from, body) => handler(parseMessage(method, request, body) as never, from));
  };
