import { Label, Meter } from "react-aria-components";

import { counted } from "../parts/format";
import type { Quota } from "./space";

const RESOURCES = [
  ["spaces", "Spaces", String],
  ["computeUnits", "Compute", (count: number) => counted(count, "unit")],
  ["storageUnits", "Storage", (count: number) => `${count} GiB`],
  ["tunnels", "Tunnels", String],
] as const satisfies [keyof Quota, string, (count: number) => string][];

/** What the viewer may consume and does. */
export function QuotaBars({ quota }: { quota: Quota | undefined }) {
  return (
    <ul className="quota card" aria-label="Quota">
      {RESOURCES.map(([resource, label, say]) => (
        <li key={resource}>
          <Bar label={label} say={say} used={quota?.[resource].used} limit={quota?.[resource].limit ?? null} />
        </li>
      ))}
    </ul>
  );
}

interface BarProps {
  label: string;
  /** An amount, in words. */
  say: (count: number) => string;
  used: number | undefined;
  limit: number | null;
}

function Bar({ label, say, used = 0, limit }: BarProps) {
  if (limit === null) {
    return (
      <div className="meter">
        <span>{label}</span>
        <span className="value">
          {say(used)}, <span className="quiet">no limit</span>
        </span>
      </div>
    );
  }
  const text = `${used} of ${say(limit)}`;
  const percent = limit === 0 ? 100 : Math.min(100, (used / limit) * 100);
  return (
    <Meter className="meter" value={used} maxValue={Math.max(limit, 1)} valueLabel={text}>
      <Label>{label}</Label>
      <span className="value">{text}</span>
      <span className="track" data-full={used > limit || undefined}>
        <span className="fill" style={{ width: `${percent}%` }} />
      </span>
    </Meter>
  );
}
