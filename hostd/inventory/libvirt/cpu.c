/*
 * What libvirt calls this host's processor, and what several have in common. The host model of the
 * domain capabilities says what KVM offers here; the capabilities' host CPU, which older drivers
 * have alone, what the processor is.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define HOST_MODEL "/domainCapabilities/cpu/mode[@name='host-model'][@supported='yes']"
#define HOST_CPU   "/capabilities/host/cpu"

/* Return: the first node that the path finds, or NULL. */
static xmlNodePtr find_node(xmlDocPtr document, const char *path)
{
	xmlXPathContextPtr context = xmlXPathNewContext(document);
	xmlXPathObjectPtr found =
	    context ? xmlXPathEvalExpression((const xmlChar *)path, context) : NULL;
	xmlNodePtr node = NULL;

	if (found && found->nodesetval && found->nodesetval->nodeNr > 0)
		node = found->nodesetval->nodeTab[0];
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(context);
	return node;
}

/* Copies the text of a child element; empty when there is none. */
static void child_text(xmlNodePtr parent, const char *name, char text[SNAPSHOT_NAME_BYTES])
{
	text[0] = 0;
	for (xmlNodePtr child = parent->children; child; child = child->next) {
		xmlChar *content;

		if (child->type != XML_ELEMENT_NODE ||
		    xmlStrcmp(child->name, (const xmlChar *)name))
			continue;
		content = xmlNodeGetContent(child);
		snprintf(text, SNAPSHOT_NAME_BYTES, "%s", content ? (const char *)content : "");
		xmlFree(content);
		return;
	}
}

/* Return: the element as text for free(3), or NULL. */
static char *node_text(xmlDocPtr document, xmlNodePtr node)
{
	xmlBufferPtr buffer = xmlBufferCreate();
	char *text = NULL;

	if (buffer && xmlNodeDump(buffer, document, node, 0, 0) > 0)
		text = strdup((const char *)xmlBufferContent(buffer));
	xmlBufferFree(buffer);
	return text;
}

/* The baseline takes <cpu> elements: a <mode> of the domain capabilities is one by another name. */
static int read_node(xmlDocPtr document, const char *path, struct libvirt_cpu *ret_cpu)
{
	xmlNodePtr node = find_node(document, path);
	struct libvirt_cpu cpu = {0};

	if (!node)
		return -EOPNOTSUPP;
	xmlNodeSetName(node, (const xmlChar *)"cpu");
	xmlUnsetProp(node, (const xmlChar *)"name");
	xmlUnsetProp(node, (const xmlChar *)"supported");
	child_text(node, "model", cpu.model);
	child_text(node, "vendor", cpu.vendor);
	if (!cpu.model[0])
		return -EOPNOTSUPP;
	/* Without the vendor a baseline may be of one that this host is not. */
	if (cpu.vendor[0])
		cpu.xml = node_text(document, node);
	*ret_cpu = cpu;
	return 0;
}

/* Takes `xml`. Return: a document, or NULL. */
static xmlDocPtr parse_xml(char *xml, const char *name)
{
	xmlDocPtr document = xmlReadMemory(xml, (int)strlen(xml), name, NULL,
					   XML_PARSE_NONET | XML_PARSE_NOERROR |
					       XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS);

	free(xml);
	return document;
}

/* Takes `xml`, libvirt's answer, which may be NULL. Return: 0, -errno with a sentence. */
static int read_document(char *xml, const char *path, struct libvirt_cpu *ret_cpu,
			 char why[SNAPSHOT_WHY_BYTES])
{
	xmlDocPtr document;
	int result;

	if (!xml)
		return session_error("its host model cannot be read", why);
	document = parse_xml(xml, "capabilities.xml");
	result = document ? read_node(document, path, ret_cpu) : -EIO;
	xmlFreeDoc(document);
	if (result)
		snprintf(why, SNAPSHOT_WHY_BYTES, "its capabilities have no %s",
			 path[1] == 'd' ? "host model" : "host CPU");
	return result;
}

int session_cpu(struct libvirt_session *session, struct libvirt_cpu *ret_cpu,
		char why[SNAPSHOT_WHY_BYTES])
{
	int result = read_document(
	    virConnectGetDomainCapabilities(session->connection, NULL, NULL, NULL, "kvm", 0),
	    HOST_MODEL, ret_cpu, why);

	if (result)
		result = read_document(virConnectGetCapabilities(session->connection), HOST_CPU,
				       ret_cpu, why);
	return result;
}

/* Return: libvirt's answer for free(3), or NULL with its error set. The older call is for drivers
 * that have no other. */
static char *ask_baseline(struct libvirt_session *session, const char **xmls, unsigned int count,
			  unsigned int flags)
{
	char unused[SNAPSHOT_WHY_BYTES];
	char *xml = virConnectBaselineHypervisorCPU(session->connection, NULL, NULL, NULL, "kvm",
						    xmls, count, flags);

	if (!xml && session_error("", unused) == -EOPNOTSUPP)
		xml = virConnectBaselineCPU(session->connection, xmls, count, flags);
	return xml;
}

static bool is_offered(xmlNodePtr feature)
{
	xmlChar *policy = xmlGetProp(feature, (const xmlChar *)"policy");
	bool is_refused = policy && (!xmlStrcmp(policy, (const xmlChar *)"disable") ||
				     !xmlStrcmp(policy, (const xmlChar *)"forbid"));

	xmlFree(policy);
	return !is_refused;
}

/* Return: the names of a <cpu> element's features for free(3), or NULL without memory. */
static char *feature_names(xmlNodePtr cpu)
{
	char *names = NULL;
	size_t bytes;
	FILE *stream = open_memstream(&names, &bytes);

	if (!stream)
		return NULL;
	for (xmlNodePtr child = cpu->children; child; child = child->next) {
		xmlChar *name;

		if (child->type != XML_ELEMENT_NODE ||
		    xmlStrcmp(child->name, (const xmlChar *)"feature") || !is_offered(child))
			continue;
		name = xmlGetProp(child, (const xmlChar *)"name");
		fprintf(stream, "%s ", name ? (const char *)name : "");
		xmlFree(name);
	}
	if (fclose(stream) == 0)
		return names;
	free(names);
	return NULL;
}

/* Takes `expanded`, the same CPU with every feature of its model spelled out. */
static int read_baseline(char *expanded, struct libvirt_baseline *baseline)
{
	xmlDocPtr document = parse_xml(expanded, "baseline.xml");
	xmlNodePtr cpu = document ? xmlDocGetRootElement(document) : NULL;

	if (cpu) {
		child_text(cpu, "model", baseline->model);
		baseline->features = feature_names(cpu);
	}
	xmlFreeDoc(document);
	return baseline->features ? 0 : -EIO;
}

int session_baseline(struct libvirt_session *session, const char *const *xmls, unsigned int count,
		     struct libvirt_baseline *ret_baseline, char why[SNAPSHOT_WHY_BYTES])
{
	const char **strings = malloc(count * sizeof(*strings));
	struct libvirt_baseline baseline = {0};
	char *expanded = NULL;
	int result = 0;

	if (!strings)
		return -ENOMEM;
	/* libvirt's call takes strings that are not const, and changes none. */
	memcpy(strings, xmls, count * sizeof(*strings));
	baseline.xml = ask_baseline(session, strings, count, 0);
	if (baseline.xml)
		expanded =
		    ask_baseline(session, strings, count, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES);
	free(strings);
	if (!expanded)
		result = session_error("no common processor was found", why);
	else if ((result = read_baseline(expanded, &baseline)))
		snprintf(why, SNAPSHOT_WHY_BYTES, "its baseline cannot be read");
	if (result)
		free(baseline.xml);
	else
		*ret_baseline = baseline;
	return result;
}
