/** A client: one operation after the other, each through any host that is up, until it is over. */
import type { HostId } from '../../../proto/ids.ts';
import type { Node, Program } from '../node.ts';
import type { World } from '../world.ts';

/** Then the client goes on with something else; the outcome is noted when it comes. */
const patienceMs = 2500;
/** After a failure or a loss of patience: whoever hammers a cluster that cannot answer only fills its history. */
const disappointedMs = 1000;
/** How soon a client sees that its host is gone, as a connection that breaks would tell it. */
const lookMs = 20;

export interface ClientOptions<P extends Program> {
  readonly nodes: readonly Node<P>[];
  readonly meanThinkMs: number;
  isOver(): boolean;
  /** Never rejects; undefined where it failed. undefined at once: the host cannot be asked yet. */
  act(program: P, host: HostId): Promise<unknown> | undefined;
}

export const client = <P extends Program>(world: World, options: ClientOptions<P>): void => {
  const { nodes, isOver, act } = options;
  const random = world.random.fork();
  const think = (): void => world.after(random.exponential(options.meanThinkMs), turn);
  const ask = (program: P, host: HostId): Promise<unknown> | undefined => {
    if (!world.allows('operation')) return undefined;
    world.wake();
    return act(program, host);
  };
  const turn = (): void => {
    if (isOver()) return;
    const host = nodes.length > 0 ? random.pick(nodes) : undefined;
    const { program } = host ?? {};
    const answered = host && program && !host.paused ? ask(program, host.id) : undefined;
    if (!answered) {
      think();
      return;
    }
    let isDone = false;
    const done = (result: unknown): void => {
      if (isDone) return;
      isDone = true;
      if (result === undefined) world.after(random.exponential(disappointedMs), turn);
      else think();
    };
    const look = (leftMs: number): void =>
      world.after(lookMs, () => {
        if (leftMs <= 0 || host?.program !== program) done(undefined);
        else if (!isDone) look(leftMs - lookMs);
      });
    look(patienceMs);
    void answered.then(done);
  };
  think();
};
