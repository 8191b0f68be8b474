/** Flavors: sizes of servers, kept for the whole cloud. Admins make them; some are there from the start. */
import { ShoalError } from '../../proto/error.ts';
import { flavorsMax } from './limits.ts';
import { type Flavor, flavorPartition, type Records } from './records.ts';

export interface Flavors {
  list(): Promise<readonly Flavor[]>;
  /** Throws NOT_FOUND. */
  show(id: string): Promise<Flavor>;
  /** Throws CONFLICT when its id or name is taken. */
  create(flavor: Flavor): Promise<Flavor>;
  /** Throws NOT_FOUND. Servers keep what they were made from. */
  delete(id: string): Promise<void>;
  /** The default ones, once in a cloud's life: one that an admin deleted does not come back. */
  bootstrap(): Promise<void>;
}

const size = (id: string, name: string, vcpus: number, memoryMiB: number, diskGiB: number): Flavor => ({
  id,
  name,
  vcpus,
  memoryMiB,
  diskGiB,
  ephemeralGiB: 0,
  swapMiB: 0,
  isPublic: true,
  description: null,
  extraSpecs: {},
});

/** Ids, names and sizes as DevStack has them, which documents and test suites of OpenStack expect. */
const defaultFlavors: readonly Flavor[] = [
  size('42', 'm1.nano', 1, 128, 1),
  size('84', 'm1.micro', 1, 192, 1),
  size('1', 'm1.tiny', 1, 512, 1),
  size('2', 'm1.small', 1, 2048, 20),
  size('3', 'm1.medium', 2, 4096, 40),
  size('4', 'm1.large', 4, 8192, 80),
  size('5', 'm1.xlarge', 8, 16384, 160),
];

/** A row of `flavor-name` that no flavor can have: names have no "/". */
const bootstrapped = '/bootstrapped';

export const openFlavors = (records: Pick<Records, 'flavors' | 'flavorNames'>): Flavors => {
  const { flavors, flavorNames } = records;
  const missing = (id: string): ShoalError => new ShoalError('NOT_FOUND', `Flavor ${id} could not be found.`);

  /** The name first: a flavor that stands has its name; a name that a killed agent left is taken over. */
  const create = async (flavor: Flavor): Promise<Flavor> => {
    await flavorNames.change(flavorPartition, flavor.name, (current) => current ?? { id: flavor.id });
    const holder = await flavorNames.get(flavorPartition, flavor.name);
    if (holder?.id !== flavor.id) {
      if (holder && (await flavors.get(flavorPartition, holder.id))?.name === flavor.name)
        throw new ShoalError('CONFLICT', `Flavor with name ${flavor.name} already exists.`);
      await flavorNames.change(flavorPartition, flavor.name, (current) =>
        current?.id === holder?.id ? { id: flavor.id } : current,
      );
      return create(flavor);
    }
    let isTaken = false;
    await flavors.change(flavorPartition, flavor.id, (current) => {
      isTaken = current !== undefined && JSON.stringify(current) !== JSON.stringify(flavor);
      return current ?? flavor;
    });
    if (isTaken) {
      await flavorNames.change(flavorPartition, flavor.name, (current) =>
        current?.id === flavor.id ? undefined : current,
      );
      throw new ShoalError('CONFLICT', `Flavor with ID ${flavor.id} already exists.`);
    }
    return flavor;
  };

  return {
    create,
    async list() {
      const { entries } = await flavors.range(flavorPartition, { limit: flavorsMax });
      return entries.map(({ row }) => row);
    },
    async show(id) {
      const found = await flavors.get(flavorPartition, id);
      if (!found) throw missing(id);
      return found;
    },
    async delete(id) {
      let name: string | undefined;
      await flavors.change(flavorPartition, id, (current) => {
        name = current?.name;
        if (!current) throw missing(id);
        return undefined;
      });
      if (name !== undefined)
        await flavorNames.change(flavorPartition, name, (current) =>
          current?.id === id ? undefined : current,
        );
    },
    async bootstrap() {
      if (await flavorNames.get(flavorPartition, bootstrapped)) return;
      for (const flavor of defaultFlavors) await create(flavor);
      await flavorNames.change(flavorPartition, bootstrapped, (current) => current ?? { id: '' });
    },
  };
};
