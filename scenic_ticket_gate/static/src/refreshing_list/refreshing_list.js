import { ListController } from "@web/views/list/list_controller";
import { listView } from "@web/views/list/list_view";
import { onMounted, onWillUnmount } from "@odoo/owl";
import { registry } from "@web/core/registry";

const SECONDS = 5;

/** A list that shows what is new by itself, unless rows are selected. */
export class RefreshingListController extends ListController {
    setup() {
        super.setup();
        let timer = null;
        onMounted(() => {
            timer = setInterval(() => this.refresh(), SECONDS * 1000);
        });
        onWillUnmount(() => clearInterval(timer));
    }

    async refresh() {
        if (!document.hidden && !this.model.root.selection.length) {
            await this.model.load();
        }
    }
}

registry.category("views").add("scenic_refreshing_list", {
    ...listView,
    Controller: RefreshingListController,
});
