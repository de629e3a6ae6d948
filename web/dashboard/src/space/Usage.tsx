import { useEffect, useState } from "react";

import { bytes } from "../../../shared/bytes";
import { graphql } from "../graphql";
import { useSession } from "../session/session";
import type { Space } from "../spaces/space";
import { Plot } from "./Plot";
import { ceilingOf, kept, pointsOf, rateOf, type Sample } from "./samples";

export const SpaceStats = graphql(`
  subscription SpaceStats($id: ID!) {
    spaceStats(id: $id) {
      at
      cpuCores
      memoryBytes
      memoryLimitBytes
      networkRxBytes
      networkTxBytes
      pids
    }
  }
`);

/** The least that a plot of network traffic reaches up to, in bytes a second. */
const LEAST_TRAFFIC = 1_000;

/** What a space uses, as plots. */
export function Usage({ space }: { space: Space }) {
  const { link } = useSession();
  const { id, status, templateVersion } = space;
  const [samples, setSamples] = useState<Sample[]>([]);
  useEffect(
    () =>
      link.follow({
        document: SpaceStats,
        variables: () => ({ id }),
        takes: ({ spaceStats }) => setSamples((before) => kept(before, spaceStats)),
      }),
    [id, link],
  );
  const last = samples.at(-1);
  if (!last) {
    return (
      <section className="card">
        <h2>Usage</h2>
        <p role="status" className="quiet">
          {status === "RUNNING" ? "Waiting for the first sample…" : "It doesn’t run, so it uses nothing."}
        </p>
      </section>
    );
  }
  const cpu = pointsOf(samples, ({ cpuCores }) => cpuCores);
  const received = rateOf(samples, ({ networkRxBytes }) => networkRxBytes);
  const sent = rateOf(samples, ({ networkTxBytes }) => networkTxBytes);
  const largest = (...curves: { value: number }[][]): number =>
    Math.max(0, ...curves.flat().map(({ value }) => value));
  return (
    <>
      <div className="plots">
        <Plot
          title="CPU"
          curves={[{ label: "Used", points: cpu }]}
          ceiling={templateVersion.cpu ?? ceilingOf(largest(cpu), 1)}
          words={(value) => `${value.toFixed(2)} cores`}
        />
        <Plot
          title="Memory"
          curves={[{ label: "Used", points: pointsOf(samples, ({ memoryBytes }) => memoryBytes) }]}
          ceiling={last.memoryLimitBytes}
          words={bytes}
        />
        <Plot
          title="Network"
          curves={[
            { label: "Received", points: received },
            { label: "Sent", points: sent },
          ]}
          ceiling={ceilingOf(largest(received, sent), LEAST_TRAFFIC)}
          words={(value) => `${bytes(value)}/s`}
        />
      </div>
      <p className="quiet">
        {last.pids} processes and threads. {status !== "RUNNING" && "It doesn’t run; this is how it was."}
      </p>
    </>
  );
}
