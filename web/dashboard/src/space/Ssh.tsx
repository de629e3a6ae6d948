import { Link } from "wouter";

import { Copyable } from "../parts/Copyable";
import type { Space } from "../spaces/space";
import { barOf, sshCommand } from "./features";

/** How to come in from one's own machine. */
export function Ssh({ space }: { space: Space }) {
  const bar = barOf(space, "SSH");
  const url = space.features.find(({ feature }) => feature === "SSH")?.url;
  const command = url ? sshCommand(url) : undefined;
  return (
    <section className="card" aria-labelledby="ssh">
      <h2 id="ssh">SSH</h2>
      {command ? (
        <>
          <Copyable text={command} what="the SSH command" />
          <p className="hint">
            With one of the <Link href="/account">keys of your account</Link>.
          </p>
        </>
      ) : (
        <p className="quiet">{bar ? `${bar}.` : "This Spaceport serves no SSH."}</p>
      )}
      {barOf(space, "FILES") === undefined && (
        <Copyable text={`spaceport cp ${space.name}:FILE .`} what="the command that copies a file out" />
      )}
    </section>
  );
}
