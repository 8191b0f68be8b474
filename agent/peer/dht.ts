/**
 * This agent's part of the cluster's own DHT. Every agent with a reachable address is a node that others start
 * from; they tell each other in hellos. Nothing leaves the cluster unless `publicDht` is set.
 *
 * An agent runs two nodes: one that stores and answers, and one that asks and listens. A node never asks itself,
 * so in a cluster of two with a node each nobody would find the other's word, which lies with the one that looks
 * for it. The second is "ephemeral": others do not remember it as a node to start from.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import HyperDHT from 'hyperdht';
import { parseHostPort } from './address-book.ts';

export interface DhtSettings {
  /** IPv4 address at which other hosts reach this one; undefined: none, then it is a client of others' nodes. */
  readonly host?: string | undefined;
  /** UDP port of the node that others start from, 0: a free one. The node that asks takes the next one if it is free. */
  readonly port: number;
  /** Nodes to start from besides those of other hosts, `host:port`. */
  readonly bootstrap?: readonly string[];
  /** Also use hyperswarm's public DHT. Default false. */
  readonly publicDht?: boolean;
}

export interface OwnDht {
  /** The node that asks. */
  readonly dht: HyperDHT;
  /** `host:port` of the node that stores. */
  readonly address: string | undefined;
  /** A node to start from; what is no `host:port` is passed over. */
  addNode(address: string): void;
  stop(): Promise<void>;
}

/** `wanted` if nobody has it, or any free one. hyperdht cannot bind port 0 and say what it got. */
const freeUdpPort = async (host: string, wanted = 0): Promise<number> => {
  const socket = createSocket('udp4');
  try {
    await once(socket.bind(wanted, host), 'listening');
    const { port } = socket.address();
    socket.close();
    await once(socket, 'close');
    return port;
  } catch (thrown) {
    socket.close();
    if (wanted === 0) throw thrown;
    return freeUdpPort(host);
  }
};

/** Once it is bound it can ask; its tour of the other nodes goes on behind. Rejects when it cannot be bound. */
const bound = async (dht: HyperDHT): Promise<HyperDHT> => {
  await Promise.race([once(dht, 'listening'), dht.fullyBootstrapped()]);
  return dht;
};

/** `known`: nodes of other hosts, `host:port`. Throws the system's own error when the port cannot be bound. */
export const startDht = async (settings: DhtSettings, known: readonly string[]): Promise<OwnDht> => {
  const nodes = [...known, ...(settings.bootstrap ?? [])].flatMap((address) => parseHostPort(address) ?? []);
  const { host, publicDht } = settings;
  const start = async () => {
    if (!host) return { dht: await bound(new HyperDHT(publicDht ? { nodes } : { bootstrap: nodes })) };
    const port = settings.port || (await freeUdpPort(host));
    // It takes nothing in until it has asked all nodes it starts with, and dead ones may hold that up for 8 s.
    const keeper = HyperDHT.bootstrapper(port, host, { host });
    await keeper.fullyBootstrapped();
    for (const node of nodes) keeper.addNode(node);
    const bootstrap = [{ host, port }, ...nodes];
    // Beside the other, and there again after a restart if it can be: who was connected before tries it first,
    // and would wait 4 s for a dead one.
    const askerPort = await freeUdpPort(host, port + 1);
    const dht = publicDht
      ? new HyperDHT({ nodes: bootstrap })
      : HyperDHT.bootstrapper(askerPort, host, { host, bootstrap, ephemeral: true });
    return { address: `${host}:${port}`, keeper, dht: await bound(dht) };
  };
  const { address, dht, keeper } = await start();
  return {
    dht,
    address,
    addNode(given) {
      const node = parseHostPort(given);
      if (!node) return;
      keeper?.addNode(node);
      dht.addNode(node);
    },
    async stop() {
      await dht.destroy({ force: true });
      await keeper?.destroy({ force: true });
    },
  };
};
