/**
 * Ports for programs that are told theirs and keep them over a restart. The kernel hands out what "port 0" and every
 * outgoing connection get from 32768 on, so a port of that kind that is free now may be somebody's when it is bound,
 * or bound again. These are from below. Test processes run side by side: each takes a block of its own and shows it by
 * listening on the block's last port for as long as it lives.
 */
import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

const [lowest, blockPorts, blocks] = [10_000, 200, 110] as const;
const host = '127.0.0.1';

const listen = (port: number): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined)).listen(port, host, () => resolve(server));
  });

const isFree = async (port: number): Promise<boolean> => {
  const server = await listen(port);
  if (!server) return false;
  await new Promise((resolve) => server.close(resolve));
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false)).bind(port, host, () => socket.close(() => resolve(true)));
  });
};

/** The next port of this process's block, and where the block ends. */
let [next, end] = [0, 0];

const takeBlock = async (): Promise<void> => {
  for (let at = 0; at < blocks; at++) {
    const first = lowest + ((process.pid + at) % blocks) * blockPorts;
    const guard = await listen(first + blockPorts - 1);
    if (!guard) continue;
    guard.unref();
    [next, end] = [first, first + blockPorts - 1];
    return;
  }
  throw new Error(`all ${blocks} blocks of ports are taken`);
};

let turn: Promise<unknown> = Promise.resolve();

/** The first of `count` ports in a row, on which nobody listens: TCP and UDP. */
export const takePorts = (count = 1): Promise<number> => {
  const take = async (): Promise<number> => {
    for (;;) {
      if (next + count > end) await takeBlock();
      const first = next;
      let free = 0;
      while (free < count && (await isFree(first + free))) free++;
      next = first + (free === count ? count : free + 1);
      if (free === count) return first;
    }
  };
  const taken = turn.then(take);
  turn = taken.catch(() => {});
  return taken;
};
