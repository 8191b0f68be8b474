/** A host of the ground in a process of its own: `ground-host.ts DIRECTORY SEED...`. Says its address, then does what it is told. */
import { type GroundOrder, openGroundHost } from './ground.ts';
import { tryIncrement } from './register.ts';

const [directory = '', ...seeds] = process.argv.slice(2);
const host = await openGroundHost(directory, seeds);
let callers = 0;
let [made, refused] = [0, 0];
let lanes: Promise<unknown> = Promise.resolve();

const lane = async (index: number): Promise<void> => {
  while (index < callers)
    if (await tryIncrement(host)) made++;
    else refused++;
};

let readUpTo = {};

/** Reads on in its journal until it has seen so many. */
const readUntil = async (action: string, events: number): Promise<void> => {
  for (let seen = 0; seen < events; ) {
    const page = await host.journal.read({ after: readUpTo, limit: 1_000 });
    seen += page.records.filter((record) => record.action === action).length;
    readUpTo = page.next;
    if (page.records.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
};

process.on('message', async (order: GroundOrder) => {
  if ('action' in order) await readUntil(order.action, order.events);
  else {
    callers = order.callers;
    if (callers > 0) {
      [made, refused] = [0, 0];
      lanes = Promise.all(Array.from({ length: callers }, (_, index) => lane(index)));
    } else await lanes;
  }
  process.send?.({ made, refused });
});
process.once('disconnect', async () => {
  callers = 0;
  await lanes;
  await host.stop();
  process.exit(0);
});
process.send?.(host.address);
