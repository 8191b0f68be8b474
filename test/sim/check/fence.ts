/**
 * An owner that knows of a newer layout serves nobody who took the owners from an older one: it has told the others that it
 * does not, and they copy and stop reading on the strength of that.
 */
import type { Bulk, Rpc } from '../../../agent/peer/port.ts';
import type { Ring } from '../../../agent/ring/port.ts';
import { layoutHeader } from '../../../proto/message/chunk.ts';

/** The ports of a host, watched: each message that names a layout, of those that are served. */
export const watchFence = (
  { rpc, bulk }: { readonly rpc: Rpc; readonly bulk: Bulk },
  ring: Pick<Ring, 'newest'>,
  fail: (bug: Error) => void,
): { readonly rpc: Rpc; readonly bulk: Bulk } => {
  const served = (what: string, layout: unknown, newest: number): void => {
    if (layout !== undefined && Number(layout) < newest)
      fail(new Error(`${rpc.self} knew layout ${newest} and served ${what} by layout ${layout}`));
  };
  return {
    rpc: {
      ...rpc,
      handle: (method, handler) =>
        rpc.handle(method, async (from, body, signal) => {
          const { newest } = ring;
          const answer = await handler(from, body, signal);
          served(method, (body as { readonly layout?: unknown } | null)?.layout, newest);
          return answer;
        }),
    },
    bulk: {
      ...bulk,
      serve: (prefix, handler) =>
        bulk.serve(prefix, async (request) => {
          const { newest } = ring;
          const answer = await handler(request);
          // A good copy is good under any layout.
          if (request.method === 'PUT') served(`a new ${prefix}`, request.headers[layoutHeader], newest);
          return answer;
        }),
    },
  };
};
