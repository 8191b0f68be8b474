/** `npm run guest`: builds the guest image unless it is there, and prints its path as the last line. */
import { guestImage } from './guest.ts';

try {
  const image = await guestImage((line) => console.error(`guest: ${line}`));
  console.log(image);
} catch (thrown) {
  console.error(String(thrown instanceof Error ? thrown.message : thrown));
  process.exitCode = 1;
}
