import { Link } from "wouter";

import { sentence } from "../forms/problems";
import { useCell } from "../live/cell";
import { things } from "../live/merge";
import { Time } from "../parts/Time";
import { useSession } from "../session/session";
import { QuotaBars } from "./QuotaBars";
import type { Space } from "./space";
import { Status } from "./Status";
import { Switcher } from "./Switcher";

export function SpacesPage() {
  const { live, viewer } = useSession();
  const world = useCell(live.spaces);
  const quota = useCell(live.quota);
  const spaces = things(world);
  const mayCreate = viewer.permissions.has("CREATE_SPACES");
  return (
    <>
      <title>Spaces · Spaceport</title>
      <div className="head">
        <h1>Spaces</h1>
        {mayCreate && spaces.length > 0 && (
          <Link href="/new" className="button primary">
            New space
          </Link>
        )}
      </div>
      <QuotaBars quota={quota} />
      {spaces.length > 0 ? (
        <ul className="spaces card" aria-label="Spaces">
          {spaces.map((space) => (
            <Row key={space.id} space={space} isOwn={space.owner.id === viewer.id} />
          ))}
        </ul>
      ) : world.isComplete ? (
        <Empty mayCreate={mayCreate} />
      ) : (
        <p role="status">Loading…</p>
      )}
    </>
  );
}

function Row({ space, isOwn }: { space: Space; isOwn: boolean }) {
  const { id, name, description, owner, template, startedAt, status, failure } = space;
  return (
    <li className="row">
      <div className="what">
        <Link href={`/spaces/${id}`} className="name">
          {name}
        </Link>
        {!isOwn && <span className="tag">of {owner.userName}</span>}
        <p className="quiet">{failure ? sentence(failure.message) : description || template.name}</p>
      </div>
      <div className="how">
        <Status space={space} />
        {status === "RUNNING" && startedAt && (
          <span className="quiet">
            started <Time at={startedAt} />
          </span>
        )}
      </div>
      <Switcher space={space} isSmall />
    </li>
  );
}

function Empty({ mayCreate }: { mayCreate: boolean }) {
  return (
    <section className="empty card">
      <h2>No spaces yet</h2>
      <p>
        A space is a computer of your own in a container: with a terminal, files that stay, and
        whatever its template brings along.
      </p>
      {mayCreate ? (
        <Link href="/new" className="button primary">
          Create your first space
        </Link>
      ) : (
        <p>Your roles don’t let you make spaces. Those that others share with you appear here.</p>
      )}
    </section>
  );
}
