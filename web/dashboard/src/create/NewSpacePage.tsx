import { Link } from "wouter";
import { useQuery } from "urql";

import { Fault } from "../parts/Fault";
import { Templates } from "./documents";
import { NewSpaceForm } from "./NewSpaceForm";

export function NewSpacePage() {
  const [{ data, error }, ask] = useQuery({ query: Templates });
  // One that is offered has a version.
  const templates = data?.templates.nodes.filter(({ version }) => version !== null) ?? [];
  return (
    <>
      <title>New space · Spaceport</title>
      <div className="head">
        <h1>New space</h1>
      </div>
      {data && templates.length > 0 && <NewSpaceForm templates={templates} />}
      {data && templates.length === 0 && (
        <section className="empty card">
          <h2>No templates</h2>
          <p>Spaces are made from templates, and none is offered to you. Ask who runs this Spaceport.</p>
          <Link href="/">All spaces</Link>
        </section>
      )}
      {!data && !error && <p role="status">Loading…</p>}
      {error && <Fault of={error} again={() => ask()} />}
    </>
  );
}
