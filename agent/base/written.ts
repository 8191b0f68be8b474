/** Writing bytes that are lent: when may they change again? */
import type { ServerResponse } from 'node:http';

/** Resolves when the system has them, or the connection is gone: then nobody reads them any more. */
export const written = (reply: ServerResponse, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve) => {
    const { socket } = reply.req;
    const done = (): void => {
      socket.off('close', done);
      resolve();
    };
    socket.once('close', done);
    // Its failure is the connection's, which the caller looks at.
    reply.write(bytes, done);
  });
