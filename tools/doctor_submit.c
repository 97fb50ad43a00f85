/* Can our own letters be handed in?  See doctor.h. */
#include "tools/doctor.h"

#include <sys/stat.h>
#include <unistd.h>

#include "policy/config.h"
#include "policy/submit.h"

/* consent-web reads both when it sends, as its own user. */
static void check_reach(struct cm_doctor *doctor, const char *path)
{
	const struct cm_config *config = doctor->ctl->config;
	const char *const groups[] = {config->store_group,
				      config->store_write_group};
	const char *where = path;
	struct cm_proc_user user;

	if (path == NULL || access(path, F_OK) != 0 ||
	    !cm_doctor_user(doctor, config->web_user, groups, 2, &user))
		return;
	if (!cm_doctor_may(doctor, &user, path, R_OK, &where))
		cm_doctor_find(doctor,
			       "\"%s\" cannot read %s: %s is in the way",
			       user.name, path, where);
}

void cm_doctor_submission(struct cm_doctor *doctor)
{
	const struct cm_config *config = doctor->ctl->config;
	struct cm_transfer_server server = {.url = NULL};
	struct cm_error err;

	if (config->mail_domain == NULL) {
		cm_doctor_note(doctor, "there is no mail section");
		return;
	}
	if (geteuid() != 0) {
		cm_doctor_unknown(doctor, "only root can look everywhere");
		return;
	}
	if (cm_submit_server(config, doctor->ctl->arena, &server, &err) !=
	    CM_OK)
		cm_doctor_find(doctor, "%s", err.text);
	cm_submit_forget(&server);
	if (config->mail_submit_ca != NULL &&
	    access(config->mail_submit_ca, R_OK) != 0)
		cm_doctor_find(doctor, "submit-ca: %s cannot be read",
			       config->mail_submit_ca);
	check_reach(doctor, config->mail_submit_password_file);
	check_reach(doctor, config->mail_submit_ca);
}
