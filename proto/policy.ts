/**
 * How bytes are kept: as whole copies, or coded into k pieces of data and m of parity on k + m hosts, any k of which
 * give them back. A policy is its name, so none has to be set up, and all hosts mean the same by it.
 */

/** `data` is k, `parity` is m. */
export interface Code {
  readonly data: number;
  readonly parity: number;
}

/** Hosts number them by their place: a new one goes to the end, none goes away. */
export const codes: readonly Code[] = [
  { data: 2, parity: 1 },
  { data: 4, parity: 2 },
  { data: 6, parity: 3 },
  { data: 8, parity: 3 },
  { data: 10, parity: 4 },
];

/** e.g. `ec-4-2`. */
export const codeName = ({ data, parity }: Code): string => `ec-${data}-${parity}`;

/** Hosts that a code wants. */
export const fragmentCount = ({ data, parity }: Code): number => data + parity;
