/** Milliseconds of this thread's own CPU that the work took: what the neighbours do on the machine does not count. */
export const cpuMs = (work: () => void): number => {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
};
