/** What eyes see of a page, measured in the browser. */
import type { Page } from 'playwright-core';

/** Texts that stand at less than 4.5:1 on what is behind them (WCAG 2.2, 1.4.3), with their ratio. */
export const poorContrasts = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const channels = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
    const light = (color: string): number =>
      channels(color)
        .slice(0, 3)
        .map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, at) => sum + value * ([0.2126, 0.7152, 0.0722][at] ?? 0), 0);
    const behind = (element: Element | null): string => {
      if (!element) return getComputedStyle(document.documentElement).backgroundColor;
      const { backgroundColor } = getComputedStyle(element);
      return (channels(backgroundColor)[3] ?? 1) === 1 ? backgroundColor : behind(element.parentElement);
    };
    return [...document.body.querySelectorAll('*')]
      .filter((element) =>
        [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim()),
      )
      .filter((element) => element.checkVisibility() && !element.matches('noscript, option, :disabled'))
      .flatMap((element) => {
        const [high = 0, low = 0] = [light(getComputedStyle(element).color), light(behind(element))].sort(
          (a, b) => b - a,
        );
        const ratio = (high + 0.05) / (low + 0.05);
        return ratio < 4.5 ? [`${element.textContent?.trim().slice(0, 40)}: ${ratio.toFixed(2)}`] : [];
      });
  });

/** How much of what was on the screen moved while `work` went on (https://web.dev/articles/cls); 0 is nothing. */
export const shiftsDuring = async (page: Page, work: () => Promise<void>): Promise<number> => {
  await page.evaluate(() => {
    const seen = { sum: 0 };
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        seen.sum += (entry as PerformanceEntry & { value: number }).value;
    }).observe({ type: 'layout-shift' });
    Object.assign(globalThis, { seenShifts: seen });
  });
  await work();
  // Entries come with the frames after the change.
  return page.evaluate(async () => {
    for (let frame = 0; frame < 3; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
    await new Promise((resolve) => setTimeout(resolve, 0));
    return (globalThis as unknown as { seenShifts: { sum: number } }).seenShifts.sum;
  });
};
