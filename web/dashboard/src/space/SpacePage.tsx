import { Link } from "wouter";

import { useCell } from "../live/cell";
import { Nowhere } from "../parts/Nowhere";
import { useSession } from "../session/session";
import { isManaged, type Space } from "../spaces/space";
import { Actions } from "./Actions";
import { Failure } from "./Failure";
import { Logs } from "./Logs";
import { Overview } from "./Overview";
import { Settings } from "./Settings";
import { Status } from "../spaces/Status";
import { Usage } from "./Usage";

const TABS = [
  ["overview", "Overview"],
  ["logs", "Logs"],
  ["usage", "Usage"],
  ["settings", "Settings"],
] as const;

export function SpacePage({ id, tab }: { id: string; tab: string }) {
  const { live } = useSession();
  const world = useCell(live.spaces);
  const space = world.known.get(id)?.thing;
  if (space) return <Known space={space} tab={tab} />;
  return world.isComplete ? <Nowhere what="space" /> : <p role="status">Loading…</p>;
}

function Known({ space, tab }: { space: Space; tab: string }) {
  const { viewer } = useSession();
  const { id, name, description, owner } = space;
  // Logs and stats are for who manages it alone.
  const tabs = TABS.filter(([key]) => isManaged(space) || key === "overview");
  const part = tabs.find(([key]) => key === tab)?.[1];
  return (
    <>
      <title>{[part !== "Overview" && part, name, "Spaceport"].filter(Boolean).join(" · ")}</title>
      <div className="head">
        <div>
          <h1>{name}</h1>
          <Status space={space} />
          {owner.id !== viewer.id && <span className="tag">of {owner.userName}</span>}
        </div>
        <Actions space={space} />
      </div>
      {description && <p className="quiet">{description}</p>}
      {space.failure && <Failure failure={space.failure} />}
      <nav className="tabs" aria-label={`Parts of ${name}`}>
        {tabs.map(([key, label]) => (
          <Link
            key={key}
            href={key === "overview" ? `/spaces/${id}` : `/spaces/${id}/${key}`}
            aria-current={key === tab ? "page" : undefined}
          >
            {label}
          </Link>
        ))}
      </nav>
      <Part space={space} tab={tabs.find(([key]) => key === tab)?.[0]} />
    </>
  );
}

function Part({ space, tab }: { space: Space; tab: (typeof TABS)[number][0] | undefined }) {
  switch (tab) {
    case "overview":
      return <Overview space={space} />;
    case "logs":
      return <Logs space={space} />;
    case "usage":
      return <Usage space={space} />;
    case "settings":
      return <Settings space={space} />;
    case undefined:
      return <Nowhere what="page" />;
  }
}
