import { describe, expect, test } from "@odoo/hoot";
import { scannedKind } from "@scenic_ticket_pos/app/utils/scanned_text";

describe.current.tags("headless");

// 20 digits and the two that ISO 7064 MOD 97-10 adds
const BARS = "1234567890123456789089";

test("a ticket is told by its code, however the reader types it", () => {
    const token = `T1${"A7".repeat(64)}`;
    expect(scannedKind(token)).toBe("ticket");
    expect(scannedKind(token.toLowerCase())).toBe("ticket");
    expect(scannedKind(BARS)).toBe("ticket");
    expect(scannedKind("1234 5678 9012 3456 7890 89")).toBe("ticket");
});

test("an identity card is told by its check character", () => {
    expect(scannedKind("11010519491231002X")).toBe("document");
    expect(scannedKind("11010519491231002x")).toBe("document");
    expect(scannedKind("110105194912310021")).toBe(null);
});

test("goods stay what they are to Odoo", () => {
    for (const text of [
        "6901234567892",
        "S00012",
        "T1",
        "T1SHIRT",
        BARS.replace(/89$/, "90"),
        "",
    ]) {
        expect(scannedKind(text)).toBe(null);
    }
});
