/** A real webhook: it keeps what came, and answers as the test says. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';

export interface Received {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly event: {
    readonly Event?: string;
    readonly Bucket?: string;
    readonly Records?: readonly {
      readonly eventName: string;
      readonly awsRegion: string;
      readonly userIdentity: { readonly principalId: string };
      readonly requestParameters: { readonly sourceIPAddress: string };
      readonly s3: {
        readonly configurationId: string;
        readonly bucket: { readonly name: string; readonly arn: string };
        readonly object: {
          readonly key: string;
          readonly size?: number;
          readonly eTag?: string;
          readonly versionId?: string;
          readonly sequencer: string;
        };
      };
    }[];
  };
}

export const receiver = async (t: ExecutionContext) => {
  const received: Received[] = [];
  /** Status, or undefined: no answer at all. Taken events are kept. */
  let answer: (event: Received) => number | undefined | Promise<number | undefined> = () => 200;
  let asked = 0;
  const server = createServer(async (request, reply) => {
    asked += 1;
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    const came: Received = {
      path: request.url ?? '',
      authorization: request.headers.authorization,
      event: body,
    };
    const status = await answer(came);
    if (status === undefined) return;
    if (status < 300) received.push(came);
    reply.writeHead(status, status >= 300 && status < 400 ? { location: '/elsewhere' } : {}).end('ok');
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const down = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  t.teardown(down);
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    asked: () => asked,
    answers(with_: typeof answer) {
      answer = with_;
    },
    down,
    up: () => listen(port),
    /** `name key` of each, tests of the destination left out. */
    told: (): string[] =>
      received.flatMap(({ event }) =>
        (event.Records ?? []).map(({ eventName, s3 }) => `${eventName} ${s3.object.key}`),
      ),
  };
};

export type Receiver = Awaited<ReturnType<typeof receiver>>;

export const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const start = Date.now(); !(await holds()); ) {
    if (Date.now() - start > 20_000) throw new Error(`${what}: not within 20 s`);
    await sleep(20);
  }
};

export const rules = (
  events: readonly string[],
  { arn = 'arn:shoal:sqs::reef:webhook', filter = '', id = 'all' } = {},
): string =>
  `<NotificationConfiguration><QueueConfiguration><Id>${id}</Id><Queue>${arn}</Queue>${events
    .map((event) => `<Event>${event}</Event>`)
    .join('')}${filter}</QueueConfiguration></NotificationConfiguration>`;
