"""consentctl refused reads what consent-milter writes."""
from harness import messages


def test_what_is_written_can_be_read(world):
    world.import_csv("email,purpose,status,time\n"
                     "anna@x.test,acme/newsletter,granted,"
                     "2026-01-01T00:00:00Z\n"
                     "ben@x.test,acme/newsletter,withdrawn,"
                     "2026-01-01T00:00:00Z\n")
    world.start()
    told = world.send("news@acme.example",
                      ["anna@x.test", "ben@x.test", "eva@x.test"],
                      messages.newsletter())
    assert told.accepted == ["anna@x.test"]
    world.settled()
    log = world.dir / "mail.log"
    log.write_text("".join(f"2026-11-02T10:00:00Z mx1 {line}\n" for line in
                           world.milter_log().splitlines()))
    got = world.ctl_json("refused", "--since", "2026-11-01", "--log", log)
    assert [(r["address"], r["stream"], r["reason"], r["stage"]) for r in
            got["refused"]] == [
        ("ben@x.test", "newsletter", "withdrawn", "rcpt"),
        (None, "newsletter", "no-record", "rcpt")]
    assert got["damaged"] == 0
