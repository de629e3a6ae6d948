import { expect, test } from "vitest";

import { sshCommand } from "../src/space/features";
import { added, isNews, KEPT_LINES, Log, NO_LINES } from "../src/space/lines";
import { ceilingOf, kept, rateOf, SPAN_MS, spanOf, type Sample } from "../src/space/samples";

const line = (second: number, text = "x") => ({
  at: new Date(second * 1000).toISOString(),
  stream: "STDOUT" as const,
  text,
});

const sample = (second: number, networkRxBytes: number): Sample => ({
  at: new Date(second * 1000).toISOString(),
  cpuCores: 0,
  memoryBytes: 0,
  memoryLimitBytes: 1,
  networkRxBytes,
  networkTxBytes: 0,
  pids: 1,
});

test("the command for SSH is what its URL says", () => {
  expect(sshCommand("ssh://lab@localhost:2222")).toBe("ssh -p 2222 lab@localhost");
  expect(sshCommand("ssh://lab.ada@spaces.example")).toBe("ssh lab.ada@spaces.example");
  expect(sshCommand("ssh://lab@spaces.example:22")).toBe("ssh lab@spaces.example");
  expect(sshCommand("ssh://lab@[::1]:2222")).toBe("ssh -p 2222 lab@::1");
  expect(sshCommand("https://lab@spaces.example")).toBeUndefined();
});

test("a log keeps its newest lines and counts them all", () => {
  const many = Array.from({ length: KEPT_LINES + 10 }, (_, at) => line(at));
  const lines = added(added(NO_LINES, many), [line(99_999, "last")]);
  expect(lines.kept).toHaveLength(KEPT_LINES);
  expect(lines.count).toBe(KEPT_LINES + 11);
  expect(lines.kept.at(-1)).toMatchObject({ text: "last", number: KEPT_LINES + 10 });
});

test("of a log that is followed again, what was shown already isn't news", () => {
  const lines = added(NO_LINES, [line(1), line(2)]);
  expect([1, 2, 3].map((second) => isNews(lines, line(second).at))).toEqual([false, false, true]);
  expect(isNews(NO_LINES, line(1).at)).toBe(true);
});

const texts = (log: Log) => log.lines().kept.map(({ text }) => text);

test("a log that is lost while nobody looks has each line once", () => {
  const log = new Log();
  log.begins();
  log.takes(line(1, "a"));
  log.takes(line(2, "b"));
  log.begins();
  for (const [second, text] of [[1, "a"], [2, "b"], [3, "c"], [3, "d"]] as const) log.takes(line(second, text));
  expect(texts(log)).toEqual(["a", "b", "c", "d"]);
});

test("what was cleared from a log doesn't come back with its connection", () => {
  const log = new Log();
  log.takes(line(1, "a"));
  log.clear();
  log.begins();
  log.takes(line(1, "a"));
  log.takes(line(2, "b"));
  expect(texts(log)).toEqual(["b"]);
  expect(log.lines().count).toBe(2);
});

test("a log that nobody looks at for long keeps its newest lines alone", () => {
  const log = new Log();
  for (let second = 0; second < 2 * KEPT_LINES + 10; second += 1) log.takes(line(second, String(second)));
  const { kept, count } = log.lines();
  expect([kept.length, count, kept.at(-1)?.number]).toEqual([KEPT_LINES, 2 * KEPT_LINES + 10, 2 * KEPT_LINES + 9]);
});

test("samples are kept for the span of a plot, each once", () => {
  const begin = 1_000;
  const end = begin + SPAN_MS / 1000;
  let samples: Sample[] = [];
  for (const second of [begin, begin + 1, end, end]) samples = kept(samples, sample(second, 0));
  expect(samples.map(({ at }) => Date.parse(at) / 1000)).toEqual([begin + 1, end]);
});

test("a plot spans what there is, but never too little or too much", () => {
  const until = (seconds: number) => spanOf([0, seconds * 1000].map((at) => ({ at, value: 0 })));
  expect([0, 90, 9_999].map(until)).toEqual([60_000, 90_000, SPAN_MS]);
  expect(spanOf([])).toBe(60_000);
});

test("a rate is the growth of its counter, and nothing where that began anew", () => {
  const samples = [sample(0, 100), sample(2, 300), sample(3, 50), sample(4, 60)];
  expect(rateOf(samples, (it) => it.networkRxBytes).map(({ value }) => value)).toEqual([100, 0, 10]);
});

test("a scale ends at a round number above what is drawn", () => {
  for (const [largest, least, top] of [[0, 1, 1], [1.2, 1, 2], [3, 1, 5], [6, 1, 10], [1_500, 1_000, 2_000]] as const) {
    expect(ceilingOf(largest, least)).toBe(top);
  }
});
