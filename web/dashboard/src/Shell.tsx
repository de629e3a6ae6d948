import { useEffect, useRef } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";

import { AccountPage } from "./account/AccountPage";
import { ConnectionStatus, LostConnection } from "./connection/ConnectionStatus";
import { NewSpacePage } from "./create/NewSpacePage";
import { keepFocus } from "./focus";
import { useCell } from "./live/cell";
import { Button } from "./parts/Button";
import { Nowhere } from "./parts/Nowhere";
import { useSession } from "./session/session";
import { SpacePage } from "./space/SpacePage";
import { SpacesPage } from "./spaces/SpacesPage";

/** What is around every page. */
export function Shell() {
  const { viewer, link, signOut } = useSession();
  const isLive = useCell(link.state) === "live";
  const [place] = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(place);
  useEffect(() => (main.current ? keepFocus(main.current) : undefined), []);
  useEffect(() => {
    if (shown.current !== place) {
      // Who doesn't see the page is to hear that it is another one, and who sees it begins at its top.
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    shown.current = place;
  }, [place]);

  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <Link href="/" className="brand">
          <img src="/icon.svg" alt="" width="22" height="22" />
          <span>Spaceport</span>
        </Link>
        <nav aria-label="Main">
          <NavLink href="/" isHere={!place.startsWith("/account")}>
            Spaces
          </NavLink>
          <NavLink href="/account" isHere={place.startsWith("/account")}>
            Account
          </NavLink>
        </nav>
        <div className="who">
          <ConnectionStatus />
          <span className="viewer" title={viewer.displayName}>
            {viewer.userName}
          </span>
          <Button look="quiet" isSmall onPress={signOut}>
            Sign out
          </Button>
        </div>
      </header>
      <LostConnection />
      <main id="main" ref={main} tabIndex={-1} data-stale={!isLive || undefined}>
        <Switch>
          <Route path="/" component={SpacesPage} />
          <Route path="/new" component={NewSpacePage} />
          <Route path="/spaces/:id/:tab?">
            {({ id, tab }) => <SpacePage key={id} id={id} tab={tab ?? "overview"} />}
          </Route>
          <Route path="/account" component={AccountPage} />
          <Route path="/spaces">
            <Redirect to="/" replace />
          </Route>
          <Route>
            <Nowhere what="page" />
          </Route>
        </Switch>
      </main>
    </div>
  );
}

function NavLink({ href, isHere, children }: { href: string; isHere: boolean; children: string }) {
  return (
    <Link href={href} aria-current={isHere ? "page" : undefined}>
      {children}
    </Link>
  );
}
