/** The house's floors as data, and who may look at whom. docs/ARCHITECTURE.md shows the same table. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Lower floors first. Rooms on one floor do not see each other, but for `neighbours`. */
const floors: readonly (readonly string[])[] = [
  ['proto'],
  ['agent/base'],
  ['agent/runtime'],
  ['agent/store', 'agent/register', 'agent/peer'],
  ['agent/membership'],
  ['agent/ring'],
  ['agent/table', 'agent/chunk', 'agent/journal'],
  ['agent/flow', 'agent/http'],
  ['agent/identity'],
  ['agent/object'],
  ['agent/image'],
  ['agent/volume'],
  ['agent/network'],
  ['agent/compute'],
  ['agent/cluster'],
];

const neighbours: Readonly<Record<string, readonly string[]>> = {
  'agent/chunk': ['agent/table'],
  'agent/peer': ['agent/register'],
};

/** Rooms that see `proto/` alone, wherever they stand. */
const protoOnly = ['agent/panel', 'cli'];
const roofFiles = /^agent\/(compose|main|compose\/.+|host\/.+)\.ts$/;

export interface Import {
  readonly from: string;
  readonly to: string;
}

export const sourceFiles = (): string[] => globSync('{proto,agent,cli}/**/*.ts').toSorted();

export const roomOf = (file: string): string => {
  const parts = file.split('/');
  return parts[0] === 'agent' ? parts.slice(0, 2).join('/') : (parts[0] ?? file);
};

export const importsOf = (file: string): Import[] =>
  [...readFileSync(file, 'utf8').matchAll(/^(?:import|export)\s[^;]*?from\s+'(\.[^']+)'/gms)].map(
    (match) => ({
      from: file,
      to: normalize(join(dirname(file), match[1] ?? '')),
    }),
  );

export const nodeImportsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/from\s+'(node:[^']+)'/g)].map((match) => match[1] ?? '');

const floorOf = (room: string): number => floors.findIndex((rooms) => rooms.includes(room));

/** Why this import may not stand; undefined when it may. */
export const complaint = ({ from, to }: Import): string | undefined => {
  if (roofFiles.test(from)) return undefined;
  const [room, target] = [roomOf(from), roomOf(to)];
  if (room === target) return undefined;
  if (protoOnly.includes(room))
    return target === 'proto' ? undefined : `${from} sees ${to}: ${room} sees proto/ only`;
  const [here, there] = [floorOf(room), floorOf(target)];
  if (here < 0 || there < 0) return `${from} sees ${to}: ${here < 0 ? room : target} stands on no floor`;
  if (there < here || neighbours[room]?.includes(target)) return undefined;
  return `${from} sees ${to}: ${target} is ${there === here ? 'a neighbour' : 'on a higher floor'}`;
};
