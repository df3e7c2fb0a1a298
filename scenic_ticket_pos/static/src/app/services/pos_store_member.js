import { PosStore } from "@point_of_sale/app/services/pos_store";
import { makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { MembersPopup } from "@scenic_ticket_pos/app/components/members_popup/members_popup";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";
import { patch } from "@web/core/utils/patch";

const FORMS = {
    photo: "scenic_ticket_base.scenic_membership_photo_action",
    freeze: "scenic_ticket_base.scenic_membership_suspend_action_freeze",
    unfreeze: "scenic_ticket_base.scenic_membership_suspend_action_unfreeze",
};

patch(PosStore.prototype, {
    /**
     * Find members and serve them.
     *
     * @param {string[]} [texts] what to look for at once
     */
    async openScenicMembers(texts = []) {
        const [isSupervisor, isService] = await Promise.all([
            user.hasGroup("scenic_ticket_base.group_scenic_supervisor"),
            user.hasGroup("scenic_ticket_base.group_scenic_customer_service"),
        ]);
        const answer = await makeAwaitable(this.dialog, MembersPopup, {
            texts,
            isSupervisor,
            maySuspend: isSupervisor || isService,
            call: (method, args) =>
                this.data.call("pos.config", method, [[this.config.id], ...args]),
            openForm: (name, cardId) => this._openScenicForm(FORMS[name], { active_id: cardId }),
        });
        if (answer?.renew) {
            await this._addScenicMemberLine(answer.renew, answer.renew.renew_product_id);
        } else if (answer?.replace) {
            const line = await this._addScenicMemberLine(
                answer.replace,
                answer.replace.fee_product_id
            );
            if (line) {
                const { number, reason } = answer;
                line.uiState.scenicMedium = { number, reason };
            }
        }
    },

    /** @returns {Promise<void>} resolved when the form is closed */
    _openScenicForm(action, additionalContext) {
        return new Promise((resolve) => {
            this.action.doAction(action, { additionalContext, onClose: () => resolve() });
        });
    },

    async _addScenicMemberLine(row, productId) {
        const product = this.models["product.product"].get(productId);
        if (!product) {
            this.dialog.add(AlertDialog, {
                title: _t("Member card"),
                body: _t(
                    "What this costs is not on sale at this window. Ask the ticketing manager to make the product available in the Point of Sale."
                ),
            });
            return;
        }
        this.models.loadConnectedData({
            "scenic.membership": [{ id: row.id, name: row.name, write_date: row.write_date }],
        });
        const line = await this.addLineToCurrentOrder(
            {
                product_tmpl_id: product.product_tmpl_id,
                product_id: product,
                scenic_membership_id: this.models["scenic.membership"].get(row.id),
            },
            {}
        );
        return line;
    },
});
